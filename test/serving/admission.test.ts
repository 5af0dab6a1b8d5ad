import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admit, isTooLate, overloaded } from '../../src/serving/admission.js'

const limits = { maxQueue: 4, maxQueueTotal: 8, maxQueueTokens: 1_000 }
const admitting = (waiting: { requests: number; tokens: number; ofTier: number }, tokens = 10) => {
  return () => admit('fast', tokens, waiting, limits, () => 2_300)
}

test('a request is refused where its tier, all tiers together or their tokens have no room, and told when to come again', () => {
  assert.doesNotThrow(admitting({ requests: 7, tokens: 990, ofTier: 3 }))
  for (const waiting of [
    { requests: 4, tokens: 40, ofTier: 4 },
    { requests: 8, tokens: 80, ofTier: 3 },
    { requests: 1, tokens: 991, ofTier: 1 },
  ]) {
    assert.throws(admitting(waiting), { code: 'OVERLOADED', retryAfterSeconds: 3 })
  }
})

test('an empty queue has room for a request of any size', () => {
  assert.doesNotThrow(admitting({ requests: 0, tokens: 0, ofTier: 0 }, 1_000_000))
})

test('a predicted wait turns requests away only where many wait, and never those without a deadline', () => {
  const never = () => assert.fail('the wait is worked out only where it matters')
  assert.equal(isTooLate(7, 10, never), false)
  assert.equal(isTooLate(1_000, undefined, never), false)
  assert.equal(
    isTooLate(8, 10, () => 10),
    false,
  )
  assert.equal(
    isTooLate(8, 10, () => 11),
    true,
  )
})

test('the time to come again is from one second to a minute', () => {
  const seconds = (drainMs: number) =>
    (overloaded('fast', 9, drainMs) as Error & { retryAfterSeconds: number }).retryAfterSeconds
  assert.deepEqual([0, 1, 1_001, 59_999, 1e9].map(seconds), [1, 1, 2, 60, 60])
})
