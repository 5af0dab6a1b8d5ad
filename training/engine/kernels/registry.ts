/**
 * The kernels of the tracing backend by tfjs name. A kernel gets the backend, its inputs and its attributes, and answers
 * with symbolic tensors. tfjs names without a form here raise KernelUnsupported.
 */
import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs'
import { KernelUnsupported } from '../../../src/errors.js'
import { tf } from '../tfjs.js'
import { TRACING_BACKEND, type TracingBackend, tracingBackend } from '../tracing-backend.js'
import { activationKernels } from './activation.js'
import { binaryKernels } from './binary.js'
import { creationKernels } from './creation.js'
import { fusedKernels } from './fused.js'
import { indexingKernels } from './indexing.js'
import { matMulKernels } from './matmul.js'
import { reductionKernels } from './reduction.js'
import { shapeKernels } from './shape.js'
import { slicingKernels } from './slicing.js'
import type { TracedKernel } from './traced-kernel.js'
import { unaryKernels } from './unary.js'

const KERNELS: Readonly<Record<string, TracedKernel>> = {
  ...unaryKernels,
  ...activationKernels,
  ...binaryKernels,
  ...creationKernels,
  ...shapeKernels,
  ...slicingKernels,
  ...reductionKernels,
  ...indexingKernels,
  ...matMulKernels,
}

const ALL_KERNELS = { ...KERNELS, ...fusedKernels }

/** The tfjs kernels that can be traced. */
export const tracedKernelNames: readonly string[] = Object.keys(KERNELS)

let registered: TracingBackend | undefined

/** Registers the backend with all its kernels, once. Kernels unknown here throw KernelUnsupported when they are called. */
export function installTracingBackend(): TracingBackend {
  if (registered) return registered
  const backend = tracingBackend()
  for (const [name, kernel] of Object.entries(ALL_KERNELS)) registerTracedKernel(name, kernel)
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) {
    if (kernelName in KERNELS || tf.getKernel(kernelName, TRACING_BACKEND)) continue
    registerTracedKernel(kernelName, () => {
      throw new KernelUnsupported(kernelName)
    })
  }
  registered = backend
  return backend
}

/** Adds a kernel to the tracing backend. */
export function registerTracedKernel(kernelName: string, kernel: TracedKernel): void {
  const backend = tracingBackend()
  tf.registerKernel({
    kernelName,
    backendName: TRACING_BACKEND,
    kernelFunc: ({ inputs, attrs }: { inputs: NamedTensorInfoMap; attrs?: NamedAttrMap }) =>
      kernel(backend, inputs as Record<string, TensorInfo>, attrs ?? {}),
  })
}
