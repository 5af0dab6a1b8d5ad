import assert from 'node:assert/strict'
import { test } from 'node:test'
import { visibleGpus } from '../../src/onnx/gpu-devices.js'

test('CUDA_VISIBLE_DEVICES decides how many GPUs engines are spread over', () => {
  assert.equal(visibleGpus(4, undefined), 4)
  assert.equal(visibleGpus(4, '2'), 1)
  assert.equal(visibleGpus(4, '3, 1'), 2)
  assert.equal(visibleGpus(4, 'GPU-5ee1,GPU-77aa,GPU-1b2c'), 3)
  // CUDA reads up to the first that is none
  assert.equal(visibleGpus(4, '0,1,-1,2'), 2)
})

test('where no GPU is shown one is still asked for, so that CUDA says why not', () => {
  assert.equal(visibleGpus(0, undefined), 1)
  assert.equal(visibleGpus(4, ''), 1)
  assert.equal(visibleGpus(4, '-1'), 1)
})
