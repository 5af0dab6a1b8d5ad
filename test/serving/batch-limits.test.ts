import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ARCHITECTURES, encoderConfig } from '../../src/family/architectures.js'
import { batchTokenLimit, queueLimit } from '../../src/serving/batch-limits.js'

test('more may wait where a GPU answers, unless told otherwise', () => {
  assert.ok(queueLimit('cuda', undefined) > queueLimit('webgpu', undefined))
  assert.ok(queueLimit('webgpu', undefined) > queueLimit('cpu', undefined))
  assert.equal(queueLimit('cuda', 7), 7)
  assert.equal(queueLimit('cpu', 7), 7)
})

test('on a CPU models whose runs are short have larger batches, on a GPU all have, unless told otherwise', () => {
  const quick = encoderConfig({ layers: 1, hiddenSize: 384, heads: 12, intermediateSize: 1536 }, { pooling: 'cls' })
  for (const architecture of ARCHITECTURES) {
    const deep = encoderConfig(architecture)
    assert.ok(batchTokenLimit('cpu', quick, undefined) > batchTokenLimit('cpu', deep, undefined))
    assert.equal(batchTokenLimit('cuda', quick, undefined), batchTokenLimit('cuda', deep, undefined))
  }
  assert.equal(batchTokenLimit('cpu', quick, 300), 300)
})

test('a large batch leaves other engines their share of what waits', () => {
  const quick = encoderConfig({ layers: 1, hiddenSize: 384, heads: 12, intermediateSize: 1536 }, { pooling: 'cls' })
  const limit = (shareTokens: number) => batchTokenLimit('cpu', quick, undefined, shareTokens)
  const least = limit(0)
  assert.equal(limit(2 * least), 2 * least)
  assert.equal(limit(100 * least), batchTokenLimit('cpu', quick, undefined))
  assert.equal(batchTokenLimit('cuda', quick, undefined, 0), batchTokenLimit('cuda', quick, undefined))
  assert.equal(batchTokenLimit('cpu', quick, 300, 10), 300)
})
