import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeadlineExceeded, EngineFailed } from '../../src/errors.js'
import { answeredInTime, lastMomentMs } from '../../src/serving/last-moment.js'
import { deferred } from '../support/deferred.js'

function ways() {
  const [first, second, lastMoment] = [deferred<string>(), deferred<string>(), deferred<void>()]
  const calls = { begun: 0, left: 0 }
  const answer = answeredInTime(first.promise, {
    lastMoment: lastMoment.promise,
    begin: () => {
      calls.begun++
      return second.promise
    },
    leave: () => {
      calls.left++
    },
  })
  return { first, second, lastMoment, calls, answer }
}
const settled = () => new Promise(setImmediate)

test('what is answered in time is asked of nobody else', async () => {
  const { first, lastMoment, calls, answer } = ways()
  first.resolve('first')
  assert.equal(await answer, 'first')
  lastMoment.resolve()
  await settled()
  assert.deepEqual(calls, { begun: 0, left: 0 })
})

test('at the last moment another is asked, and whoever answers first does', async () => {
  for (const quicker of ['first', 'second'] as const) {
    const { first, second, lastMoment, calls, answer } = ways()
    lastMoment.resolve()
    await settled()
    assert.equal(calls.begun, 1)
    const [now, later] = quicker === 'first' ? [first, second] : [second, first]
    now.resolve(quicker)
    assert.equal(await answer, quicker)
    assert.equal(calls.left, 1)
    later.reject(new DeadlineExceeded(10))
  }
})

test('what was dropped for being too late is asked of another at once', async () => {
  const { first, second, calls, answer } = ways()
  first.reject(new DeadlineExceeded(10))
  await settled()
  assert.equal(calls.begun, 1)
  second.resolve('second')
  assert.equal(await answer, 'second')
})

test('another failure is told as it is', async () => {
  const { first, calls, answer } = ways()
  first.reject(new EngineFailed('signal SIGKILL'))
  await assert.rejects(answer, { code: 'ENGINE_FAILED' })
  assert.equal(calls.begun, 0)
})

test('where both fail the first failure is told, and one alone does not matter', async () => {
  const both = ways()
  both.first.reject(new DeadlineExceeded(10))
  both.second.reject(new EngineFailed('signal SIGKILL'))
  await assert.rejects(both.answer, { code: 'DEADLINE_EXCEEDED' })
  const one = ways()
  one.lastMoment.resolve()
  await settled()
  one.second.reject(new EngineFailed('signal SIGKILL'))
  await settled()
  one.first.resolve('first')
  assert.equal(await one.answer, 'first')
})

test('the last moment leaves the other way twice its time, and a twentieth of the budget', () => {
  assert.equal(lastMomentMs(100, 0, { predictedMs: 20, otherMs: 10 }), 75)
  assert.equal(lastMomentMs(100, 5, { predictedMs: 20, otherMs: 15 }), 70)
})

test('there is none before the first way is clearly later than predicted, nor where the other would be too late', () => {
  assert.ok(lastMomentMs(100, 0, { predictedMs: 51, otherMs: 10 }) < 1)
  assert.equal(lastMomentMs(100, 0, { predictedMs: 50, otherMs: 10 }), 75)
  assert.ok(lastMomentMs(10, 1, { predictedMs: 0, otherMs: 6 }) < 1)
})
