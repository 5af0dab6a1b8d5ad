import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { restartDelayMs } from '../../src/serving/engine-pool.js'
import { type Running, scratchFolder, serveTinyFamily } from '../support/running-classifier.js'

/** One classifier for the whole file; the last test drains it. */
const folder = scratchFolder()
let running: Running
let restarts = 0
let batches = 0
let depth = 0

before(async () => {
  running = await serveTinyFamily(folder.dir, {
    maxQueue: 16,
    maxBatchTokens: 256,
    observer: {
      answered: () => {},
      rejected: () => {},
      batch: () => void batches++,
      queueDepth: (_tier, waiting) => {
        depth = waiting
      },
      engineRestarted: () => void restarts++,
      familyReady: () => {},
    },
  })
  await running.ready()
})
after(() => folder.remove())

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('overload is answered with a time to come again, and every accepted request is answered', async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => running.classify({ tier: 'teacher' })))
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.ok(refused.length > 0 && refused.length < 200)
  for (const { reason } of refused) {
    assert.equal(reason.code, 'OVERLOADED')
    assert.ok(reason.retryAfterSeconds >= 1)
  }
})

test('a full queue refuses before it reads: even a text that nobody could answer is told to come again', async () => {
  const waiting = Array.from({ length: 60 }, () =>
    running.classify({ tier: 'teacher', texts: ['the court '.repeat(2_000)] }),
  )
  const outcomes = Promise.allSettled(waiting)
  await running.until(() => depth >= 16, 'a full queue')
  const refusal = (head: object) =>
    running.classifier.refusal!({ arrivalMs: performance.now(), ...head }) as { code?: string }
  assert.equal(refusal({ tier: 'teacher' })?.code, 'OVERLOADED')
  // there is room for some tier, and the body may name it
  assert.equal(refusal({ tier: 'fast' }), undefined)
  assert.equal(refusal({ tier: 'auto' }), undefined)
  assert.equal(refusal({}), undefined)
  assert.equal(refusal({ family: 'none', tier: 'teacher' }), undefined)
  assert.equal(refusal({ tier: 'auto', budgetMs: 0.001 })?.code, 'OVERLOADED')
  await assert.rejects(running.classify({ tier: 'teacher', texts: ['<p></p>'] }), { code: 'OVERLOADED' })
  // another tier has room, and reads it
  await assert.rejects(running.classify({ tier: 'fast', texts: ['<p></p>'] }), { code: 'INVALID_REQUEST' })
  await outcomes
})

test('a caller that goes away is let go at once and its work never runs', async () => {
  const caller = new AbortController()
  const abandoned = running.classify({ texts: ['the court '.repeat(20_000)], signal: caller.signal })
  const rejection = assert.rejects(abandoned, { code: 'REQUEST_ABORTED' })
  await delay(100)
  caller.abort()
  await rejection
  const atAbort = batches
  await running.classify()
  // one batch may have been running, one is the request just made
  assert.ok(batches <= atAbort + 2, `${batches - atAbort} batches ran after the abort`)
})

test('an engine killed under load fails no request, is restarted, and readiness tells', async () => {
  const { classifier, classify, until, ready, enginePids } = running
  let stop = false
  let answers = 0
  const caller = async () => {
    while (!stop) {
      await classify({ tier: 'teacher' })
      answers++
    }
  }
  const callers = Array.from({ length: 12 }, caller)
  await until(() => answers > 50, 'load')
  process.kill(enginePids()[0]!, 'SIGKILL')
  await until(() => !classifier.readiness().ready, 'the death to be noticed')
  assert.match(classifier.readiness().reasons.join(), /signal SIGKILL/)
  await ready()
  const answersBefore = answers
  await until(() => answers > answersBefore + 50, 'answers from the new engine')
  stop = true
  await Promise.all(callers)
  assert.equal(restarts, 1)
  assert.equal(enginePids().length, 2)
})

test('draining refuses new work, answers what was accepted and ends the engines', async () => {
  const { classifier, classify, enginePids } = running
  const accepted = Array.from({ length: 10 }, () => classify({ texts: ['the court '.repeat(500)] }))
  const drained = classifier.drain()
  await assert.rejects(classify(), { code: 'DRAINING' })
  assert.equal(classifier.readiness().draining, true)
  assert.equal((await Promise.all(accepted)).length, 10)
  await drained
  assert.deepEqual(enginePids().filter(isAlive), [])
})

test('an engine is restarted at once, then ever more patiently, within half a minute', () => {
  const delays = Array.from({ length: 12 }, (_, index) => restartDelayMs(index + 1))
  assert.equal(delays[0], 0)
  for (let index = 1; index < delays.length; index++) assert.ok(delays[index]! >= delays[index - 1]!)
  assert.equal(delays.at(-1), 30_000)
})
