import assert from 'node:assert/strict'
import { test } from 'node:test'
import { narrowThreads, nextWidth, type PairState, type ProcessState } from '../../src/serving/run-width.js'

const pair = (first: ProcessState, second: ProcessState): PairState => ({ first, second })
const IDLE = pair('idle', 'idle')

test('a lone text has all threads, texts that wait together half of them each', () => {
  assert.equal(nextWidth([IDLE], 1), 'wide')
  assert.equal(nextWidth([IDLE], 2), 'narrow')
})

test('with several pairs each text has all threads of one as long as there are enough', () => {
  assert.equal(nextWidth([IDLE, IDLE], 2), 'wide')
  assert.equal(nextWidth([IDLE, IDLE], 3), 'narrow')
  assert.equal(nextWidth([IDLE, pair('wide', 'idle')], 1), 'wide')
  assert.equal(nextWidth([IDLE, pair('wide', 'idle')], 2), 'narrow')
})

test('beside a narrow run there is room for another one', () => {
  assert.equal(nextWidth([pair('narrow', 'idle')], 1), 'narrow')
  assert.equal(nextWidth([pair('idle', 'narrow')], 1), 'narrow')
  assert.equal(nextWidth([pair('idle', 'narrow'), IDLE], 1), 'wide')
})

test('what waits for a run is expected to run narrow: it is not alone', () => {
  assert.equal(nextWidth([pair('wide', 'idle')], 1), 'narrow')
  assert.equal(nextWidth([pair('narrow', 'narrow')], 1), 'narrow')
})

test('half of the threads are not left idle because a process is down', () => {
  assert.equal(nextWidth([pair('idle', 'down')], 5), 'wide')
  assert.equal(nextWidth([pair('down', 'idle')], 1), 'narrow')
})

test('a narrow run has half of the threads, at least one', () => {
  assert.deepEqual([1, 2, 3, 8].map(narrowThreads), [1, 1, 1, 4])
})
