import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Crowd, narrowThreads, nextWidth, type PairState, type ProcessState } from '../../src/serving/run-width.js'

const pair = (first: ProcessState, second: ProcessState): PairState => ({ first, second })
const IDLE = pair('idle', 'idle')
const crowd = (sequences: number, more: Partial<Crowd> = {}): Crowd => ({
  ...{ sequences, expectsMore: false, load: 0.1, stretch: 1.6 },
  ...more,
})

test('a lone text has all threads, however many have come lately', () => {
  assert.equal(nextWidth([IDLE], crowd(1)), 'wide')
  assert.equal(nextWidth([IDLE], crowd(1, { load: 0.9 })), 'wide')
})

test('many that wait run two at once; two or three are answered sooner one after the other', () => {
  assert.equal(nextWidth([IDLE], crowd(2)), 'wide')
  assert.equal(nextWidth([IDLE], crowd(3)), 'wide')
  assert.equal(nextWidth([IDLE], crowd(4)), 'narrow')
  assert.equal(nextWidth([IDLE, IDLE], crowd(5)), 'wide')
  assert.equal(nextWidth([IDLE, IDLE], crowd(8)), 'narrow')
})

test('what had to wait runs on half of the threads where so many come that the next one waits too', () => {
  const waited = { expectsMore: true }
  assert.equal(nextWidth([IDLE], crowd(1, { ...waited, load: 0.3 })), 'wide')
  assert.equal(nextWidth([IDLE], crowd(1, { ...waited, load: 0.8 })), 'narrow')
  assert.equal(nextWidth([IDLE], crowd(1, { ...waited, load: 1.5 })), 'narrow')
  assert.equal(nextWidth([pair('wide', 'idle')], crowd(1, { load: 0.8 })), 'narrow')
  assert.equal(nextWidth([pair('wide', 'idle')], crowd(1, { load: 0.3 })), 'wide')
})

test('the less narrow runs cost, the sooner they pay', () => {
  const waited = { expectsMore: true, load: 0.35 }
  assert.equal(nextWidth([IDLE], crowd(1, { ...waited, stretch: 1.7 })), 'wide')
  assert.equal(nextWidth([IDLE], crowd(1, { ...waited, stretch: 1.2 })), 'narrow')
})

test('runs on half of the threads that seem to take twice as long are tried again under load', () => {
  assert.equal(nextWidth([IDLE], crowd(2, { load: 1.2, stretch: 3 })), 'narrow')
})

test('a text whose deadline only a run on all threads meets has them, where they are free', () => {
  assert.equal(nextWidth([IDLE], crowd(9, { isUrgent: true })), 'wide')
  assert.equal(nextWidth([pair('narrow', 'idle')], crowd(9, { isUrgent: true })), 'narrow')
})

test('beside a narrow run there is room for another one', () => {
  assert.equal(nextWidth([pair('narrow', 'idle')], crowd(1)), 'narrow')
  assert.equal(nextWidth([pair('idle', 'narrow')], crowd(1)), 'narrow')
  assert.equal(nextWidth([pair('idle', 'narrow'), IDLE], crowd(1)), 'wide')
})

test('half of the threads are not left idle because a process is down', () => {
  assert.equal(nextWidth([pair('idle', 'down')], crowd(9)), 'wide')
  assert.equal(nextWidth([pair('down', 'idle')], crowd(1)), 'narrow')
})

test('a narrow run has half of the threads, at least one', () => {
  assert.deepEqual([1, 2, 3, 8].map(narrowThreads), [1, 1, 1, 4])
})
