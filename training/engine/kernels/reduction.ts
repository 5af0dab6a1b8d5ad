/** Kernels that reduce axes, or run along one. */
import type { TensorInfo } from '@tensorflow/tfjs'
import { elementCount } from '../../../src/family/tensor.js'
import { elementTypeNumber } from '../onnx-encoding.js'
import { tf } from '../tfjs.js'
import { type TracedType, type TracingBackend, tracedType } from '../tracing-backend.js'
import type { KernelAttributes, TracedKernel } from './traced-kernel.js'
import { alias, castTo } from './unary.js'

function reducedShape(shape: readonly number[], axes: readonly number[], keepDims: boolean): number[] {
  return shape.flatMap((size, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [size]))
}

/** rows that the first stage of a sum over columns adds up */
const STAGE_ROWS = 16

/** @returns a matrix of fewer rows whose columns have the same sums; the matrix itself where it is small or does not divide */
function rowsTogether(backend: TracingBackend, name: string, [rows, columns]: readonly number[]): string {
  const { graph } = backend
  const groups = rows! / STAGE_ROWS
  if (!Number.isInteger(groups) || groups < STAGE_ROWS) return name
  const grouped = graph.node('Reshape', [name, graph.int64([groups, STAGE_ROWS, columns!])])
  return graph.node('ReduceSum', [grouped, graph.int64([1])], { keepdims: 0 })
}

function reduced(
  backend: TracingBackend,
  opType: string,
  x: TensorInfo,
  { axis, reductionIndices, keepDims }: KernelAttributes,
): TensorInfo {
  // tfjs' Max alone names its axes reductionIndices.
  const axes = tf.util.parseAxisParam(axis ?? reductionIndices, x.shape)
  // To ONNX no axes means all axes; to tfjs it means none.
  if (axes.length === 0) return alias(backend, x)
  const shape = reducedShape(x.shape, axes, keepDims ?? false)
  const attributes = { keepdims: keepDims ? 1 : 0 }
  // A bias' gradient: its elements fit float16 as the products beside it do. Other sums, of losses say, might not.
  const columns = opType === 'ReduceSum' && x.shape.length === 2 && axes.join() === '0'
  const { name, half } = backend.fullNative(x, columns && backend.native(x).half)
  const summed = columns && backend.options.columnSumsInStages ? rowsTogether(backend, name, x.shape) : name
  const result = backend.graph.node(opType, [summed, backend.graph.int64(axes)], attributes)
  return backend.symbolic(result, shape, tracedType(x.dtype), shape, half)
}

/** @returns what x is the square of, where the graph shows that: a sum of squares is one operator */
function squareRoot(backend: TracingBackend, x: TensorInfo): TensorInfo | undefined {
  const { name, held, half } = backend.native(x)
  const producer = backend.graph.producer(name)
  const square = producer?.opType === 'Mul' && producer.inputs[0] === producer.inputs[1]
  if (!square || half || x.dtype !== 'float32') return undefined
  return backend.symbolic(producer.inputs[0]!, x.shape, 'float32', held)
}

/** Bools are counted as integers. */
const counted = (x: TensorInfo): TracedType => (x.dtype === 'bool' ? 'int32' : tracedType(x.dtype))

const reduction =
  (opType: string, type: (x: TensorInfo) => TracedType): TracedKernel =>
  (backend, { x }, attributes) =>
    reduced(backend, opType, castTo(backend, x!, type(x!)), attributes)

const boolean =
  (opType: string): TracedKernel =>
  (backend, { x }, attributes) =>
    castTo(backend, reduced(backend, opType, castTo(backend, x!, 'int32'), attributes), 'bool')

/** The first of equal elements wins, as in tfjs. */
const position =
  (opType: string): TracedKernel =>
  (backend, { x }, { axis }) => {
    const { graph } = backend
    const at = tf.util.parseAxisParam(axis, x!.shape)[0]!
    const index = graph.node(opType, [backend.full(castTo(backend, x!, counted(x!)))], { axis: at, keepdims: 0 })
    const name = graph.node('Cast', [index], { to: elementTypeNumber('int32') })
    return backend.symbolic(name, reducedShape(x!.shape, [at], false), 'int32')
  }

export const reductionKernels: Readonly<Record<string, TracedKernel>> = {
  Sum: (backend, { x }, attributes) => {
    const root = squareRoot(backend, x!)
    return root
      ? reduced(backend, 'ReduceSumSquare', root, attributes)
      : reduction('ReduceSum', counted)(backend, { x: x! }, attributes)
  },
  Prod: reduction('ReduceProd', counted),
  Max: reduction('ReduceMax', counted),
  Min: reduction('ReduceMin', counted),
  Mean: (backend, { x }, attributes) => {
    const axes = tf.util.parseAxisParam(attributes.axis, x!.shape)
    const real = castTo(backend, x!, 'float32')
    // The mean of nothing is 0/0, which ReduceMean does not say on every provider.
    if (elementCount(x!.shape) > 0) return reduced(backend, 'ReduceMean', real, attributes)
    const shape = reducedShape(x!.shape, axes, attributes.keepDims ?? false)
    return backend.symbolic(backend.graph.scalar(Number.NaN, 'float32'), shape, 'float32', [])
  },
  All: boolean('ReduceMin'),
  Any: boolean('ReduceMax'),
  ArgMax: position('ArgMax'),
  ArgMin: position('ArgMin'),
  Cumsum: (backend, { x }, { axis, exclusive, reverse }) => {
    const { graph } = backend
    const type = counted(x!)
    const at = tf.util.parseAxisParam(axis, x!.shape)[0]!
    const inputs = [backend.full(castTo(backend, x!, type)), graph.scalar(at, 'int32')]
    const name = graph.node('CumSum', inputs, { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 })
    return backend.symbolic(name, x!.shape, type)
  },
}
