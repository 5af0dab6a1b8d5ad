/** Kernels that take parts of a tensor by position. */
import type { TensorInfo } from '@tensorflow/tfjs'
import { KernelUnsupported } from '../../../src/errors.js'
import { tf } from '../tfjs.js'
import { type TracingBackend, tracedType } from '../tracing-backend.js'
import { reshaped, sameShape } from './shape.js'
import type { TracedKernel } from './traced-kernel.js'
import { alias } from './unary.js'

/** ONNX' way to say "to the very end" when stepping backwards past index 0. */
const BEFORE_FIRST = Number.MIN_SAFE_INTEGER

function sliced(
  backend: TracingBackend,
  x: TensorInfo,
  starts: readonly number[],
  ends: readonly number[],
  steps: readonly number[],
  shape: readonly number[],
): TensorInfo {
  if (sameShape(x.shape, shape) && steps.every((step) => step === 1)) return alias(backend, x)
  const { graph } = backend
  const axes = starts.map((_, axis) => axis)
  const inputs = [starts, ends, axes, steps].map((values) => graph.int64(values))
  const { name, half } = backend.fullNative(x)
  return backend.symbolic(graph.node('Slice', [name, ...inputs]), shape, tracedType(x.dtype), shape, half)
}

/** @returns the block of `size` that starts at `begin` */
export function block(backend: TracingBackend, x: TensorInfo, begin: readonly number[], size: readonly number[]) {
  const ends = begin.map((start, axis) => start + size[axis]!)
  return sliced(
    backend,
    x,
    begin,
    ends,
    begin.map(() => 1),
    size,
  )
}

/** @returns the parts of the given sizes along an axis, by operators of no more outputs than the provider allows */
function parts(backend: TracingBackend, x: TensorInfo, sizes: readonly number[], axis: number): TensorInfo[] {
  if (sizes.length === 1) return [alias(backend, x)]
  const most = backend.options.mostOutputs ?? Number.POSITIVE_INFINITY
  if (sizes.length > most) return partsOfParts(backend, x, sizes, { axis, most })
  const { name, half } = backend.fullNative(x)
  const inputs = [name, backend.graph.int64(sizes)]
  const outputs = backend.graph.nodeWithOutputs('Split', inputs, sizes.length, { axis })
  return outputs.map((output, index) => {
    const shape = x.shape.map((whole, dimension) => (dimension === axis ? sizes[index]! : whole))
    return backend.symbolic(output, shape, tracedType(x.dtype), shape, half)
  })
}

function partsOfParts(
  backend: TracingBackend,
  x: TensorInfo,
  sizes: readonly number[],
  { axis, most }: { axis: number; most: number },
): TensorInfo[] {
  let start = 0
  return Array.from({ length: Math.ceil(sizes.length / most) }, (_, run) => {
    const some = sizes.slice(run * most, (run + 1) * most)
    const begin = x.shape.map((_size, dimension) => (dimension === axis ? start : 0))
    const length = some.reduce((sum, size) => sum + size, 0)
    const size = x.shape.map((whole, dimension) => (dimension === axis ? length : whole))
    start += length
    return parts(backend, block(backend, x, begin, size), some, axis)
  }).flat()
}

export const slicingKernels: Readonly<Record<string, TracedKernel>> = {
  Slice: (backend, { x }, { begin, size }) => {
    const [starts, sizes] = tf.slice_util.parseSliceParams(x as never, begin, size)
    return block(backend, x!, starts!, sizes!)
  },
  StridedSlice: (backend, { x }, attributes) => {
    const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes
    const plan = tf.slice_util.sliceInfo(
      x!.shape,
      begin,
      end,
      strides,
      beginMask,
      endMask,
      ellipsisMask,
      newAxisMask,
      shrinkAxisMask,
    )
    if (plan.isIdentity) return reshaped(backend, x!, plan.finalShape)
    const sizes = tf.slice_util.computeOutShape(plan.begin, plan.end, plan.strides)
    if (sizes.some((size) => size === 0)) throw new KernelUnsupported('StridedSlice to an empty tensor')
    const ends = plan.end.map((stop, axis) => (plan.strides[axis]! < 0 && stop < 0 ? BEFORE_FIRST : stop))
    return reshaped(backend, sliced(backend, x!, plan.begin, ends, plan.strides, sizes), plan.finalShape)
  },
  Reverse: (backend, { x }, { dims }) => {
    const axes = new Set(tf.util.parseAxisParam(dims, x!.shape))
    const along = (reversed: (size: number) => number, straight: (size: number) => number) =>
      x!.shape.map((size, axis) => (axes.has(axis) ? reversed(size) : straight(size)))
    if (axes.size === 0 || x!.shape.length === 0) return alias(backend, x!)
    const starts = along(
      () => -1,
      () => 0,
    )
    const ends = along(
      () => BEFORE_FIRST,
      (size) => size,
    )
    const steps = along(
      () => -1,
      () => 1,
    )
    return sliced(backend, x!, starts, ends, steps, x!.shape)
  },
  SplitV: (backend, { x }, { numOrSizeSplits, axis }) => {
    const at = tf.util.parseAxisParam(axis, x!.shape)[0]!
    const sizes = tf.backend_util.prepareSplitSize(x as never, numOrSizeSplits, at)
    return parts(backend, x!, sizes, at)
  },
  Unpack: (backend, { value }, { axis }) => {
    const at = axis < 0 ? axis + value!.shape.length : axis
    const shape = value!.shape.filter((_, dimension) => dimension !== at)
    return Array.from({ length: value!.shape[at]! }, (_, index) => {
      const begin = value!.shape.map((_size, dimension) => (dimension === at ? index : 0))
      const size = value!.shape.map((whole, dimension) => (dimension === at ? 1 : whole))
      return reshaped(backend, block(backend, value!, begin, size), shape)
    })
  },
}
