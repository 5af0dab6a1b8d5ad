import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enoughConnections } from '../../../bench/serving/enough-connections.js'

const small = { engines: 1, maxBatchTokens: 512, meanTokens: 128, textsPerRequest: 1 }
const gpu = { engines: 1, maxBatchTokens: 16_384, meanTokens: 200, textsPerRequest: 1 }

test('as many texts are under way as make four full batches an engine, from 32 to 256', () => {
  assert.deepEqual(enoughConnections(small), [32])
  assert.deepEqual(enoughConnections({ ...small, engines: 3 }), [48])
  assert.deepEqual(enoughConnections({ ...gpu, engines: 2 }), [256])
})

test('with several texts a request as many texts are tried, and four times as many', () => {
  assert.deepEqual(enoughConnections({ ...gpu, textsPerRequest: 64 }), [4, 16])
  assert.deepEqual(enoughConnections({ ...small, textsPerRequest: 64 }), [2, 8])
})

test("no more requests are under way than one tier's queue takes", () => {
  assert.deepEqual(enoughConnections({ ...gpu, textsPerRequest: 2 }), [128, 256])
})
