import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BudgetInfeasible,
  DeadlineExceeded,
  EngineFailed,
  FamilyNotFound,
  NotReady,
  Overloaded,
  TierNotFound,
} from '../../../src/errors.js'
import { problemOf } from '../../../src/http/problem.js'
import { describeError } from '../../../src/http/server-logger.js'
import { errorFromMessage, errorToMessage } from '../../../src/serving/remote/error-message.js'

const across = (error: unknown) => errorFromMessage(structuredClone(errorToMessage(error)))

const OURS = [
  new FamilyNotFound('none', 'tiny'),
  new TierNotFound('fast', 'tiny', 'teacher'),
  new BudgetInfeasible(1, 5),
  Object.assign(new Overloaded('fast', 64), { retryAfterSeconds: 7 }),
  new DeadlineExceeded(25),
  new NotReady('the family is being loaded'),
  new EngineFailed('SIGKILL'),
]

test('an error of ours tells its caller and the log, beyond the process, what it would have told within', () => {
  for (const error of OURS) {
    assert.deepEqual(problemOf(across(error), 'one'), problemOf(error, 'one'))
    assert.deepEqual(describeError(across(error)), describeError(error))
  }
  assert.equal(problemOf(across(OURS[3]), 'one').retryAfterSeconds, 7)
})

test('any other error crosses without its message, which may quote a text, and with its frames for the log', () => {
  const error = new TypeError('cannot read "the petitioner was convicted"\n    at the court of appeal')
  const message = errorToMessage(error)
  const told = across(error)
  assert.deepEqual(problemOf(told, 'one'), problemOf(error, 'one'))
  assert.equal(problemOf(told, 'one').problem.code, 'INTERNAL')
  const { type, stack } = describeError(told) as { type: string; stack: string[] }
  assert.equal(type, 'TypeError')
  assert.match(stack[0] ?? '', /error-message\.test\.[jt]s/)
  assert.doesNotMatch(JSON.stringify(message), /petitioner|court of appeal/)
})

test('a foreign code, as those of the system are, is none of ours', () => {
  const error = Object.assign(new Error('no such file: the petitioner'), { code: 'ENOENT' })
  assert.equal(problemOf(across(error), 'one').problem.code, 'INTERNAL')
  assert.equal(problemOf(across('not even an error'), 'one').problem.code, 'INTERNAL')
})

test('making an error again leaves the stacks of others as they were', () => {
  const limit = Error.stackTraceLimit
  across(OURS[0])
  assert.equal(Error.stackTraceLimit, limit)
})
