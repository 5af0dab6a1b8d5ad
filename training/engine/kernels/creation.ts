/** Kernels that make tensors of known values: written as constants, uniform ones as a scalar that is broadcast. */
import { elementCount } from '../../../src/family/tensor.js'
import { type TracedType, type TracingBackend, tracedType } from '../tracing-backend.js'
import type { TracedKernel } from './traced-kernel.js'

function uniform(backend: TracingBackend, shape: number[], value: number, dtype: TracedType) {
  return backend.symbolic(backend.graph.scalar(value, dtype), shape, dtype, [])
}

const like =
  (value: number): TracedKernel =>
  (backend, { x }) =>
    uniform(backend, x!.shape, value, tracedType(x!.dtype))

export const creationKernels: Readonly<Record<string, TracedKernel>> = {
  Fill: (backend, _inputs, { shape, value, dtype }) =>
    uniform(backend, shape, Number(value), tracedType(dtype ?? 'float32')),
  ZerosLike: like(0),
  OnesLike: like(1),
  Range: (backend, _inputs, { start, stop, step, dtype }) => {
    const type = tracedType(dtype ?? 'float32')
    const count = Math.max(0, Math.ceil((stop - start) / step))
    const values = Array.from({ length: count }, (_, index) => start + index * step)
    const shape = [elementCount([count])]
    const dataId = backend.write(values, shape, type)
    return { dataId, shape, dtype: type }
  },
}
