/** Names what went wrong in an engine: the runtime's own errors have a text and no code. */
import { GpuMemoryExhausted } from '../errors.js'

export interface EngineFault {
  /** an error code, such as GPU_MEMORY_EXHAUSTED */
  readonly code: string
  readonly message: string
}

/**
 * How ONNX Runtime 1.29 says it: the arena of the CUDA provider, CUDA, cuBLAS and cuDNN, Dawn's validation and Vulkan under
 * WebGPU.
 */
const GPU_MEMORY = [
  /CUDA (failure|error) 2\b/i,
  /cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY/,
  /CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED/,
  /VK_ERROR_OUT_OF_(DEVICE|HOST)_MEMORY/,
  /\bout of memory\b/i,
  /Available memory of \d+ is smaller than requested bytes/i,
  /Failed to allocate memory for requested buffer/i,
]

/** @param provider that ran: on the CPU there is no GPU's memory to run out */
export function engineFault(error: unknown, provider: string): EngineFault {
  const { code, message = String(error) } = (error ?? {}) as { code?: unknown; message?: string }
  if (provider !== 'cpu' && GPU_MEMORY.some((pattern) => pattern.test(message))) {
    const named = new GpuMemoryExhausted(provider)
    return { code: named.code, message: named.message }
  }
  return { code: typeof code === 'string' ? code : 'INTERNAL', message }
}
