import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encoderFlops } from '../../src/family/encoder-flops.js'

test("BERT-base's matrix products of 256 tokens are those of its weights and its attention", () => {
  const config = { layers: 12, hiddenSize: 768, intermediateSize: 3072 } as Parameters<typeof encoderFlops>[0]
  const weights = 12 * (4 * 768 * 768 + 2 * 768 * 3072)
  const scoresAndSums = 12 * 2 * 12 * 256 * 256 * 64
  assert.equal(encoderFlops(config, 256), 2 * 256 * weights + 2 * scoresAndSums)
})
