import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runsPacked } from '../../src/serving/served-family.js'
import { SMALL_ENCODER } from '../support/small-encoder.js'

test('a batch is counted by its real tokens where the model does not pad, and padded where its attention could not fit', () => {
  assert.equal(runsPacked({ variant: 'fused_int8', provider: 'cpu', config: SMALL_ENCODER }), true)
  assert.equal(runsPacked({ variant: 'fused_fp16', provider: 'cuda', config: SMALL_ENCODER }), true)
  assert.equal(runsPacked({ variant: 'fused_fp16', provider: 'webgpu', config: SMALL_ENCODER }), false)
  assert.equal(runsPacked({ variant: 'portable', provider: 'cuda', config: SMALL_ENCODER }), false)
  assert.equal(runsPacked({ variant: undefined, provider: undefined, config: SMALL_ENCODER }), false)
  const one = { ...SMALL_ENCODER, layers: 1 }
  assert.equal(runsPacked({ variant: 'fused_int8', provider: 'cpu', config: one }), false)
  assert.equal(runsPacked({ variant: 'fused_int8', provider: 'cpu', config: { ...one, pooling: 'mean' } }), true)
  assert.equal(runsPacked({ variant: 'fused_fp16', provider: 'cuda', config: one }), true)
})
