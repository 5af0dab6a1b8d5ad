import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runsPacked } from '../../src/serving/served-family.js'

test('a batch is counted by its real tokens where the model does not pad, and padded where its attention could not fit', () => {
  assert.equal(runsPacked({ variant: 'fused_int8', provider: 'cpu' }), true)
  assert.equal(runsPacked({ variant: 'fused_fp16', provider: 'cuda' }), true)
  assert.equal(runsPacked({ variant: 'fused_fp16', provider: 'webgpu' }), false)
  assert.equal(runsPacked({ variant: 'portable', provider: 'cuda' }), false)
  assert.equal(runsPacked({ variant: undefined, provider: undefined }), false)
})
