import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Overtaking } from '../../src/serving/overtaking.js'

/** A stream of `share` engine-ms a ms with so much slack, long enough for its rate to be known. */
function stream(share: number, slackMs: number): { overtaking: Overtaking; nowMs: number } {
  const overtaking = new Overtaking()
  const nowMs = 40_000
  for (let atMs = 0; atMs <= nowMs; atMs += 10) overtaking.arrived(slackMs, 10 * share, atMs)
  return { overtaking, nowMs }
}

test('work that overtakes at half the rate that it is done doubles the wait', () => {
  const { overtaking, nowMs } = stream(0.5, 20)
  const waitMs = overtaking.extend(100, 5_000, 1, nowMs)
  assert.ok(Math.abs(waitMs - 200) < 2, `${waitMs}`)
})

test('two engines are held up half as much', () => {
  const { overtaking, nowMs } = stream(1, 20)
  const waitMs = overtaking.extend(100, 5_000, 2, nowMs)
  assert.ok(Math.abs(waitMs - 200) < 2, `${waitMs}`)
})

test('work that comes with more time than is left overtakes nobody', () => {
  const { overtaking, nowMs } = stream(0.5, 10_000)
  assert.equal(overtaking.extend(100, 1_000, 1, nowMs), 100)
})

test('what came long ago is forgotten', () => {
  const { overtaking, nowMs } = stream(0.5, 20)
  assert.ok(overtaking.extend(100, 5_000, 1, nowMs + 60_000) < 100.1)
})

test('the wait grows, never beyond the deadline, and not at all on a free engine', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 3, noNaN: true }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 0, max: 3_000 }),
      fc.integer({ min: 1, max: 3_000 }),
      (share, streamSlackMs, aheadMs, slackMs) => {
        const { overtaking, nowMs } = stream(share, streamSlackMs)
        const waitMs = overtaking.extend(aheadMs, slackMs, 1, nowMs)
        if (aheadMs === 0) assert.equal(waitMs, 0)
        assert.ok(waitMs >= aheadMs - 1e-6 && waitMs <= Math.max(aheadMs, slackMs) + 1e-6)
      },
    ),
    { numRuns: 50 },
  )
})
