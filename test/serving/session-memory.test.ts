import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ARCHITECTURES, encoderConfig } from '../../src/family/architectures.js'
import { keepsMemory } from '../../src/serving/session-memory.js'

test('runs of every architecture of the study give their memory back', () => {
  for (const architecture of ARCHITECTURES) assert.equal(keepsMemory(encoderConfig(architecture)), false)
})

test('a single layer of which only [CLS] is read keeps the memory of its runs, which are shorter than asking for it', () => {
  const oneLayer = { layers: 1, hiddenSize: 384, heads: 12, intermediateSize: 1536 }
  assert.equal(keepsMemory(encoderConfig(oneLayer, { pooling: 'cls' })), true)
})
