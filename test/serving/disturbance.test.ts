import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BusyClock } from '../../src/serving/busy-clock.js'
import { Disturbance } from '../../src/serving/disturbance.js'
import type { TierKey } from '../../src/serving/engine-protocol.js'
import { LONGEST_HOLD_MS, mayHoldBack } from '../../src/serving/giving-way.js'
import { LaneTimes } from '../../src/serving/lane-times.js'
import { LatencyModel } from '../../src/serving/latency-model.js'
import { lateWhenStretched } from '../../src/serving/made-late.js'
import { RunStretch } from '../../src/serving/run-stretch.js'

const close = (actual: number, expected: number, what?: string) =>
  assert.ok(
    Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
    `${what ?? ''} ${actual}, not ${expected}`,
  )

/** Enough of each kind that nothing else is remembered: alone as predicted, beside in turn so many times as long. */
function learnt(beside: readonly number[]): RunStretch {
  const stretch = new RunStretch()
  for (let run = 0; run < 256 + 40; run++) {
    stretch.observe(1, false)
    stretch.observe(beside[run % beside.length]!, true)
  }
  return stretch
}

test('a clock of busy time counts runs that overlap once', () => {
  const clock = new BusyClock()
  assert.equal(clock.readingMs(100), 0)
  clock.began(100)
  clock.began(110)
  assert.equal(clock.readingMs(115), 15)
  clock.ended(120)
  assert.ok(clock.busy)
  clock.ended(130)
  assert.ok(!clock.busy)
  assert.equal(clock.readingMs(500), 30)
  clock.began(500)
  assert.equal(clock.readingMs(507), 37)
})

test('disturbed runs are told apart from those that were alone, and their times are quantiles of their own', () => {
  const stretch = learnt([1, 1.5, 2, 2.5])
  const alone = { predict: () => 11, typical: () => 10, atBest: () => 9 }
  const { predict, typical, atBest } = stretch.disturbed(alone)
  close(stretch.typical, 2)
  assert.deepEqual([atBest(1, 1), typical(1, 1), predict(1, 1)].map(Math.round), [10, 20, 25])
  close(stretch.excessBeyond(1.25), 0.75)
  close(stretch.excessBeyond(2.2), 0.25)
  close(stretch.excessBeyond(0.5), 0, 'both take longer than that')
})

test('a machine on which disturbed runs are quicker by chance does no harm less than none', () => {
  const stretch = learnt([0.9])
  assert.equal(stretch.typical, 1)
  assert.equal(stretch.excessBeyond(0.95), 0)
})

test('a run beside others makes late, expected, those that come during it and have less slack than it adds', () => {
  // slack of a quarter, of one, and of ten times their own time, each a third of 50 requests a second
  const disturbance = new Disturbance(learnt([1, 1.5, 2, 2.5]))
  const nowMs = 100_000
  for (let atMs = 0, index = 0; atMs <= nowMs; atMs += 20, index++) {
    disturbance.arrived([2.6, 10.2, 100][index % 3]!, 10, atMs)
  }
  // the middle of their classes, 0.3125 and 1.0625: three in four stretch beyond the first, one in four beyond the second
  const perMs = 1 / 20 / 3
  const expected = 40 * perMs * (0.75 + 0.25)
  const told = disturbance.expectedLate(40, nowMs)
  assert.ok(Math.abs(told - expected) < 0.01 * expected, `${told}, not ${expected}`)
  close(disturbance.expectedLate(80, nowMs), 2 * told, 'twice as long a run')
  assert.ok(disturbance.expectedLate(40, nowMs + 100_000) < 1e-5, 'what came long ago')
})

test('requests that are late anyway, or have time enough, are not made late by a stretch', () => {
  const disturbance = new Disturbance(learnt([3]))
  for (const slackMs of [-1, -100, 41, Number.POSITIVE_INFINITY]) disturbance.arrived(slackMs, 10, 0)
  assert.equal(disturbance.expectedLate(1_000, 0), 0)
})

test('a lane takes the times of disturbed runs while what slows it down is on, and learns the others only from runs alone', () => {
  const others = new BusyClock()
  const model = new LatencyModel([{ tokens: 16, rows: 1, ms: 10 }])
  const key: TierKey = { family: 'tiny', tier: 'fast' }
  const times = new LaneTimes({ latencyModel: () => model, slowedBy: () => others })
  let nowMs = 0
  const run = (ms: number) => {
    const startMs = nowMs
    const done = times.began({ key, width: 'wide', tokens: 16, rows: 1 }, startMs)
    nowMs += ms
    done(startMs, nowMs)
  }
  for (let index = 0; index < 300; index++) run(10)
  others.began(nowMs)
  for (let index = 0; index < 300; index++) run(18)
  assert.ok(times.slowed)
  close(times.of(key, 'wide').typical(16, 1), 18)
  others.ended(nowMs)
  close(times.of(key, 'wide').typical(16, 1), 10)
  close(model.typical(16, 1), 10)
  close(times.stretch.typical, 1.8)
})

test('a run counts as disturbed when another was on for at least half of it', () => {
  const observed = (besideMs: number) => {
    const others = new BusyClock()
    const model = new LatencyModel([{ tokens: 16, rows: 1, ms: 10 }])
    const times = new LaneTimes({ latencyModel: () => model, slowedBy: () => others })
    for (let index = 0; index < 300; index++) {
      const done = times.began(
        { key: { family: 'tiny', tier: 'fast' }, width: 'wide', tokens: 16, rows: 1 },
        100 * index,
      )
      others.began(100 * index)
      others.ended(100 * index + besideMs)
      done(100 * index, 100 * index + 20)
    }
    return model.typical(16, 1)
  }
  close(observed(9), 20)
  assert.ok(observed(10) < 13, 'nothing but the profile')
})

test('who waits when everything slows down is late by the stretch of what is ahead and of its own run', () => {
  const waiting = [
    { owner: 'a', deadlineMs: 121, strict: true, costMs: 10 },
    { owner: 'b', deadlineMs: 150, strict: true, costMs: 10 },
    { owner: 'c', deadlineMs: 151, costMs: 500 },
  ]
  const late = (stretch: number) => lateWhenStretched(waiting, [10], stretch, 100)
  assert.equal(late(1), 0)
  assert.equal(late(1.04), 0)
  assert.equal(late(1.1), 1, 'a would be done at 122')
  assert.equal(late(1.7), 2, 'b at 151')
  assert.equal(lateWhenStretched([], [10], 5, 100), 0)
})

test('a run is held back while there is time for one and a half of it, and never for long', () => {
  const held = { sinceMs: 1_000, deadlineMs: 1_100, runMs: 40 }
  assert.ok(mayHoldBack(held, 1_039))
  assert.ok(!mayHoldBack(held, 1_040))
  const patient = { ...held, deadlineMs: 11_000 }
  assert.ok(mayHoldBack(patient, 999 + LONGEST_HOLD_MS))
  assert.ok(!mayHoldBack(patient, 1_000 + LONGEST_HOLD_MS))
})
