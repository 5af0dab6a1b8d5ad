import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ARCHITECTURES, encoderConfig } from '../../src/family/architectures.js'
import { sessionThreads } from '../../src/serving/session-threads.js'

const minilm = { layers: 6, hiddenSize: 384, heads: 12, intermediateSize: 1536 }

test('every architecture of the study uses all threads of its engine', () => {
  for (const architecture of ARCHITECTURES) assert.equal(sessionThreads(encoderConfig(architecture), 4), 4)
})

test('a single layer uses one thread where only [CLS] is read, since nearly nothing is left of it', () => {
  const oneLayer = { ...minilm, layers: 1 }
  assert.equal(sessionThreads(encoderConfig(oneLayer, { pooling: 'cls' }), 4), 1)
  assert.equal(sessionThreads(encoderConfig(oneLayer, { pooling: 'mean' }), 4), 4)
})

test('an engine of one thread has one', () => {
  assert.equal(sessionThreads(encoderConfig(minilm), 1), 1)
})
