import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Blocking } from '../../src/serving/blocking.js'
import { waitingLate } from '../../src/serving/made-late.js'

/** One request in `gapMs`, their slack in turn, long enough for the rate to be known, each with a run of so long. */
function stream(gapMs: number, slacksMs: readonly number[], runMs = 0): { blocking: Blocking; nowMs: number } {
  const blocking = new Blocking()
  const nowMs = 100_000
  for (let atMs = 0, index = 0; atMs <= nowMs; atMs += gapMs, index++) {
    blocking.arrived(slacksMs[index % slacksMs.length]!, atMs)
    blocking.began(runMs, atMs)
  }
  return { blocking, nowMs }
}

/** λ ∫₀^r P(slack < w) dw in small steps. */
function integral(ratePerMs: number, slacksMs: readonly number[], runMs: number): number {
  const steps = 20_000
  let sum = 0
  for (let step = 0; step < steps; step++) {
    const waitMs = ((step + 0.5) * runMs) / steps
    sum += slacksMs.filter((slack) => slack >= 0 && slack < waitMs).length / slacksMs.length
  }
  return (ratePerMs * sum * runMs) / steps
}

test('a run makes late, expected, those that come during it with less slack than is left of it', () => {
  const slacksMs = [15, 36, 80, 170, 590]
  const { blocking, nowMs } = stream(20, slacksMs)
  for (const runMs of [5, 14, 25, 60, 120]) {
    const expected = integral(1 / 20, slacksMs, runMs)
    const told = blocking.expectedLate(runMs, [], nowMs)
    assert.ok(Math.abs(told - expected) < 0.02 * expected + 0.003, `${told} for ${runMs} ms, not ${expected}`)
  }
})

test('a longer run never makes fewer requests late, and another engine never more', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -50, max: 1_000, noNaN: true }), { minLength: 1, maxLength: 8 }),
      fc.double({ min: 0.1, max: 500, noNaN: true }),
      fc.double({ min: 0, max: 500, noNaN: true }),
      fc.double({ min: 0, max: 500, noNaN: true }),
      (slacksMs, runMs, moreMs, otherMs) => {
        const { blocking, nowMs } = stream(500, slacksMs)
        const late = blocking.expectedLate(runMs, [], nowMs)
        assert.ok(late >= 0 && blocking.expectedLate(runMs + moreMs, [], nowMs) >= late - 1e-9)
        assert.ok(blocking.expectedLate(runMs, [otherMs], nowMs) <= late + 1e-9)
      },
    ),
    { numRuns: 50 },
  )
})

test('requests that are late anyway, that can wait, or that have no budget are not made late by a run', () => {
  const { blocking, nowMs } = stream(10, [-3, 200, Number.POSITIVE_INFINITY])
  assert.equal(blocking.expectedLate(100, [], nowMs), 0)
  assert.ok(blocking.expectedLate(300, [], nowMs) > 0)
})

test('who comes while another engine is about to be free waits for that one', () => {
  const { blocking, nowMs } = stream(20, [10])
  const untilFree = blocking.expectedLate(30, [], nowMs)
  const told = blocking.expectedLate(100, [30], nowMs)
  assert.ok(Math.abs(told - untilFree) < 1e-9, `${told}, not ${untilFree}`)
  assert.equal(blocking.expectedLate(100, [0], nowMs), 0)
})

test('with the load grows what a delay does to those behind', () => {
  const late = (runMs: number) => {
    const { blocking, nowMs } = stream(20, [10], runMs)
    return blocking.expectedLate(50, [], nowMs)
  }
  const idle = late(0)
  assert.ok(Math.abs(late(10) / idle - 2) < 0.05, 'half of the time busy: twice as many')
  assert.ok(late(1_000) <= 20 * idle * (1 + 1e-9))
})

test('what came long ago says nothing of what comes next', () => {
  const { blocking, nowMs } = stream(20, [10])
  assert.ok(blocking.expectedLate(50, [], nowMs) > 1)
  assert.ok(blocking.expectedLate(50, [], nowMs + 120_000) < 1e-4)
})

test('a newcomer makes those late that wait behind it and have no time to spare', () => {
  const waiting = [
    { owner: 'a', deadlineMs: 120, strict: true, costMs: 10 },
    { owner: 'b', deadlineMs: 140, strict: true, costMs: 10 },
    { owner: 'b', deadlineMs: 141, strict: true, costMs: 10 },
    { owner: 'c', deadlineMs: 400, strict: true, costMs: 10 },
    { owner: 'd', deadlineMs: 401, costMs: 500 },
  ]
  const late = (costMs: number, deadlineMs: number, busyMs: readonly number[] = [0]) =>
    waitingLate(waiting, busyMs, { costMs, deadlineMs }, 100)
  assert.equal(late(10, 130), 0)
  assert.equal(late(15, 130), 1, 'one request, whatever the number of its texts')
  assert.equal(late(15, 130, [0, 0]), 0)
  assert.equal(late(15, 110), 2)
  assert.equal(late(15, 300), 0, 'its turn comes after theirs')
  assert.equal(late(1_000, 300), 1, 'and only those with a budget can be late')
})
