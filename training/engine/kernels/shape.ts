/** Kernels that rearrange elements without choosing among them. */
import type { TensorInfo } from '@tensorflow/tfjs'
import { elementCount } from '../../../src/family/tensor.js'
import { tf } from '../tfjs.js'
import { type TracingBackend, tracedType } from '../tracing-backend.js'
import type { TracedKernel } from './traced-kernel.js'
import { alias } from './unary.js'

/** @returns the tensor with another shape of as many elements */
export function reshaped(backend: TracingBackend, x: TensorInfo, shape: readonly number[]): TensorInfo {
  const type = tracedType(x.dtype)
  const { name, held, half } = backend.native(x)
  if (elementCount(held) === 1 && held.length <= shape.length) return backend.symbolic(name, shape, type, held, half)
  if (sameShape(x.shape, shape)) return backend.symbolic(name, shape, type, held, half)
  const value = backend.graph.node('Reshape', [backend.fullNative(x).name, backend.graph.int64(shape)])
  return backend.symbolic(value, shape, type, shape, half)
}

/** @returns the tensor with its axes permuted */
export function transposed(backend: TracingBackend, x: TensorInfo, perm: readonly number[]): TensorInfo {
  if (perm.every((axis, index) => axis === index)) return alias(backend, x)
  const shape = perm.map((axis) => x.shape[axis]!)
  const { name, half } = backend.fullNative(x)
  const before = backend.graph.producer(name)
  if (before?.opType === 'Transpose') {
    const first = before.attributes.perm as readonly number[]
    const both = perm.map((axis) => first[axis]!)
    const straight = both.every((axis, index) => axis === index)
    const value = straight ? before.inputs[0]! : backend.graph.node('Transpose', before.inputs, { perm: both })
    return backend.symbolic(value, shape, tracedType(x.dtype), shape, half)
  }
  const value = backend.graph.node('Transpose', [name], { perm: [...perm] })
  return backend.symbolic(value, shape, tracedType(x.dtype), shape, half)
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}

function concatenated(backend: TracingBackend, tensors: readonly TensorInfo[], axis: number): TensorInfo {
  const first = tensors[0]!
  const shape = [...first.shape]
  shape[axis] = tensors.reduce((sum, tensor) => sum + tensor.shape[axis]!, 0)
  const filled = tensors.filter((tensor) => elementCount(tensor.shape) > 0)
  if (filled.length === 1) return alias(backend, filled[0]!)
  if (filled.length === 0) return { dataId: backend.write([], shape, first.dtype), shape, dtype: first.dtype }
  const half = filled.every((tensor) => backend.native(tensor).half)
  const names = filled.map((tensor) => backend.fullNative(tensor, half).name)
  return backend.symbolic(backend.graph.node('Concat', names, { axis }), shape, tracedType(first.dtype), shape, half)
}

function expandedShape(shape: readonly number[], axis: number): number[] {
  return [...shape.slice(0, axis), 1, ...shape.slice(axis)]
}

export const shapeKernels: Readonly<Record<string, TracedKernel>> = {
  Reshape: (backend, { x }, { shape }) =>
    reshaped(backend, x!, tf.util.inferFromImplicitShape(shape, elementCount(x!.shape))),
  ExpandDims: (backend, { input }, { dim }) =>
    reshaped(backend, input!, expandedShape(input!.shape, dim < 0 ? dim + input!.shape.length + 1 : dim)),
  Transpose: (backend, { x }, { perm }) => transposed(backend, x!, perm),
  Concat: (backend, inputs, { axis }) => {
    const tensors = Object.values(inputs)
    return concatenated(backend, tensors, axis < 0 ? axis + tensors[0]!.shape.length : axis)
  },
  Pack: (backend, inputs, { axis }) => {
    const tensors = Object.values(inputs)
    const at = axis < 0 ? axis + tensors[0]!.shape.length + 1 : axis
    return concatenated(
      backend,
      tensors.map((tensor) => reshaped(backend, tensor, expandedShape(tensor.shape, at))),
      at,
    )
  },
  Tile: (backend, { x }, { reps }: { reps?: number[] }) => {
    const { graph } = backend
    const repeats = reps!
    const shape = x!.shape.map((size, axis) => size * repeats[axis]!)
    const { name, held } = backend.operand(x!)
    // Repeating dimensions of one element is broadcasting.
    const narrow = [...x!.shape.slice(0, x!.shape.length - held.length).map(() => 1), ...held]
    if (repeats.every((count, axis) => count === 1 || narrow[axis] === 1)) {
      return backend.symbolic(name, shape, tracedType(x!.dtype), held)
    }
    return backend.symbolic(graph.node('Tile', [backend.full(x!), graph.int64(repeats)]), shape, tracedType(x!.dtype))
  },
  PadV2: (backend, { x }, { paddings, constantValue }: { paddings?: [number, number][]; constantValue?: number }) => {
    const { graph } = backend
    const type = tracedType(x!.dtype)
    const pads = graph.int64([...paddings!.map(([before]) => before), ...paddings!.map(([, after]) => after)])
    const shape = x!.shape.map((size, axis) => size + paddings![axis]![0] + paddings![axis]![1])
    const inputs = [backend.full(x!), pads, graph.scalar(constantValue ?? 0, type)]
    return backend.symbolic(graph.node('Pad', inputs, { mode: 'constant' }), shape, type)
  },
}
