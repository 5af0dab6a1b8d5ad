import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProviderUnavailable } from '../../src/errors.js'
import { engineFault } from '../../src/serving/engine-fault.js'

const EXHAUSTED = [
  'CUDA failure 2: out of memory ; GPU=0 ; hostname=x ; expr=cudaMalloc((void**)&p, size);',
  'Non-zero status code returned while running MatMul node. bfc_arena.cc: Available memory of 1024 is smaller than requested bytes of 4096',
  'bfc_arena.cc:376 AllocateRawInternal Failed to allocate memory for requested buffer of size 4294967296',
  'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0',
  'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY',
]

test("the runtime's words for a full GPU become one code; its own text, which may hold paths, is not repeated", () => {
  for (const text of EXHAUSTED) {
    const { code, message } = engineFault(new Error(text), 'cuda')
    assert.equal(code, 'GPU_MEMORY_EXHAUSTED', text)
    assert.match(message, /--max-batch-tokens/)
  }
})

test('every other error keeps its code and its words', () => {
  const lost = new ProviderUnavailable('cuda', 'libcudart.so.13 is missing')
  assert.deepEqual(engineFault(lost, 'cuda'), { code: 'PROVIDER_UNAVAILABLE', message: lost.message })
  assert.deepEqual(engineFault(new Error('bad shape'), 'webgpu'), { code: 'INTERNAL', message: 'bad shape' })
  assert.deepEqual(engineFault('odd', 'cpu'), { code: 'INTERNAL', message: 'odd' })
  assert.equal(engineFault(new Error('std::bad_alloc: out of memory'), 'cpu').code, 'INTERNAL')
})
