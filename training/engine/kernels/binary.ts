/** Elementwise kernels of two or three tensors. Operands stay narrow: ONNX broadcasts as NumPy does. */
import type { TensorInfo } from '@tensorflow/tfjs'
import { OnnxFloat } from '../graph-recorder.js'
import { tf } from '../tfjs.js'
import { type Operand, type TracedType, type TracingBackend, tracedType } from '../tracing-backend.js'
import type { TracedKernel } from './traced-kernel.js'
import { alias, castTo } from './unary.js'

type Formula = (backend: TracingBackend, a: string, b: string, type: TracedType) => string

const operator =
  (opType: string): Formula =>
  ({ graph }, a, b) =>
    graph.node(opType, [a, b])

/** @returns the NumPy broadcast of two shapes. @throws Error when they do not fit */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  return tf.backend_util.assertAndGetBroadcastShape([...a], [...b])
}

function combined(
  backend: TracingBackend,
  a: TensorInfo,
  b: TensorInfo,
  formula: Formula,
  dtype: TracedType,
): TensorInfo {
  const left = backend.operand(a)
  const right = backend.operand(b)
  const name = formula(backend, left.name, right.name, tracedType(a.dtype))
  return backend.symbolic(name, broadcast(a.shape, b.shape), dtype, broadcast(left.held, right.held))
}

/** For operators that float16 is precise enough for: the result is held in it where an operand is. */
function combinedAsHeld(
  backend: TracingBackend,
  a: TensorInfo,
  b: TensorInfo,
  formula: Formula,
  dtype: TracedType,
): TensorInfo {
  const half = backend.native(a).half || backend.native(b).half
  const left = backend.inPrecision(backend.native(a), half)
  const right = backend.inPrecision(backend.native(b), half)
  const name = formula(backend, left.name, right.name, tracedType(a.dtype))
  return backend.symbolic(name, broadcast(a.shape, b.shape), dtype, broadcast(left.held, right.held), half)
}

/** tfjs' upcasting: float32 over int32 over bool; bools count as integers in arithmetic. */
function numericType(a: TensorInfo, b: TensorInfo): TracedType {
  return a.dtype === 'float32' || b.dtype === 'float32' ? 'float32' : 'int32'
}

const arithmetic =
  (formula: Formula, combine = combined): TracedKernel =>
  (backend, { a, b }) => {
    const type = numericType(a!, b!)
    return combine(backend, castTo(backend, a!, type), castTo(backend, b!, type), formula, type)
  }

const halvable = (opType: string): TracedKernel => arithmetic(operator(opType), combinedAsHeld)

const comparison =
  (formula: Formula): TracedKernel =>
  (backend, { a, b }) => {
    const type = numericType(a!, b!)
    return combined(backend, castTo(backend, a!, type), castTo(backend, b!, type), formula, 'bool')
  }

const logical =
  (opType: string): TracedKernel =>
  (backend, { a, b }) =>
    combined(backend, castTo(backend, a!, 'bool'), castTo(backend, b!, 'bool'), operator(opType), 'bool')

/** Rounds towards minus infinity; ONNX' integer division rounds towards zero. */
const floorDivide: Formula = ({ graph }, a, b, type) => {
  if (type === 'float32') return graph.node('Floor', [graph.node('Div', [a, b])])
  const zero = graph.scalar(0, 'int32')
  const quotient = graph.node('Div', [a, b])
  const remainder = graph.node('Sub', [a, graph.node('Mul', [quotient, b])])
  const inexact = graph.node('Not', [graph.node('Equal', [remainder, zero])])
  const opposite = graph.node('Xor', [graph.node('Less', [remainder, zero]), graph.node('Less', [b, zero])])
  const lower = graph.node('Sub', [quotient, graph.scalar(1, 'int32')])
  return graph.node('Where', [graph.node('And', [inexact, opposite]), lower, quotient])
}

/** The remainder has the divisor's sign. */
const floorModulo: Formula = ({ graph }, a, b, type) => {
  if (type === 'int32') return graph.node('Mod', [a, b], { fmod: 0 })
  const zero = graph.scalar(0, 'float32')
  const remainder = graph.node('Mod', [a, b], { fmod: 1 })
  const shifted = graph.node('Mod', [graph.node('Add', [remainder, b]), b], { fmod: 1 })
  const opposite = graph.node('Xor', [graph.node('Less', [a, zero]), graph.node('Less', [b, zero])])
  return graph.node('Where', [opposite, shifted, remainder])
}

/**
 * Writes a commutative operation in another way where its operands, in either order, allow it.
 * @param rewrite undefined where they do not
 */
function eitherWay(
  kernel: TracedKernel,
  rewrite: (backend: TracingBackend, one: TensorInfo, other: TensorInfo) => TensorInfo | undefined,
): TracedKernel {
  return (backend, inputs, attributes) => {
    const { a, b } = inputs as { a: TensorInfo; b: TensorInfo }
    return rewrite(backend, a, b) ?? rewrite(backend, b, a) ?? kernel(backend, inputs, attributes)
  }
}

/** a · 1 and a + 0 are a itself; tfjs' gradients multiply by tensors of ones to broadcast. */
function unlessNeutral(kernel: TracedKernel, neutral: number): TracedKernel {
  return eitherWay(kernel, (backend, kept, other) => {
    if (kept.dtype !== numericType(kept, other) || !isUniform(backend, other, neutral)) return undefined
    const { name, held, half } = backend.native(kept)
    return backend.symbolic(name, broadcast(kept.shape, other.shape), tracedType(kept.dtype), held, half)
  })
}

/**
 * A matrix product and a bias for its columns are one Gemm. The product alone is dropped from the program unless something
 * else uses it.
 */
function withGemmBias(kernel: TracedKernel): TracedKernel {
  return eitherWay(kernel, (backend, product, bias) => {
    const { name, held, half } = backend.native(product)
    const gemm = backend.graph.producer(name)
    if (gemm?.opType !== 'Gemm' || gemm.inputs.length !== 2 || held.length !== 2) return undefined
    if (product.shape.length !== 2 || bias.dtype !== 'float32') return undefined
    if (bias.shape.length !== 1 || bias.shape[0] !== product.shape[1]) return undefined
    const sum = backend.graph.node('Gemm', [...gemm.inputs, backend.fullNative(bias, half).name], gemm.attributes)
    return backend.symbolic(sum, product.shape, 'float32', product.shape, half)
  })
}

/** A matrix product and a factor known while tracing are one product with its factor alpha. */
function withProductFactor(kernel: TracedKernel): TracedKernel {
  return eitherWay(kernel, (backend, product, other) => {
    const factor = uniformValue(backend, other)
    const { name, held, half } = backend.native(product)
    const producer = backend.graph.producer(name)
    const scalable = producer?.opType === 'FusedMatMul' || (producer?.opType === 'Gemm' && producer.inputs.length === 2)
    if (factor === undefined || !scalable || held.join() !== broadcast(product.shape, other.shape).join())
      return undefined
    const { opType, inputs, domain, attributes } = producer
    const scaled = new OnnxFloat(factor * (attributes.alpha instanceof OnnxFloat ? attributes.alpha.value : 1))
    const value = backend.graph.node(opType, inputs, { ...attributes, alpha: scaled }, domain)
    return backend.symbolic(value, held, 'float32', held, half)
  })
}

function isUniform(backend: TracingBackend, tensor: TensorInfo, value: number): boolean {
  return Object.is(uniformValue(backend, tensor), value)
}

/** @returns the value that every element has, where that is known while tracing */
function uniformValue(backend: TracingBackend, tensor: TensorInfo): number | undefined {
  const known = backend.knownValues(tensor)
  const first = known?.[0]
  return known?.every((element) => Object.is(element, first)) && first !== undefined ? Number(first) : undefined
}

export const binaryKernels: Readonly<Record<string, TracedKernel>> = {
  Add: withGemmBias(halvable('Add')),
  Sub: halvable('Sub'),
  Multiply: unlessNeutral(withProductFactor(halvable('Mul')), 1),
  RealDiv: (backend, { a, b }) =>
    combined(backend, castTo(backend, a!, 'float32'), castTo(backend, b!, 'float32'), operator('Div'), 'float32'),
  FloorDiv: (backend, inputs, attributes) =>
    castTo(backend, arithmetic(floorDivide)(backend, inputs, attributes) as TensorInfo, 'int32'),
  Mod: arithmetic(floorModulo),
  Pow: arithmetic(operator('Pow')),
  Maximum: halvable('Max'),
  Minimum: halvable('Min'),
  SquaredDifference: arithmetic(({ graph }, a, b) => {
    const difference = graph.node('Sub', [a, b])
    return graph.node('Mul', [difference, difference])
  }, combinedAsHeld),
  Greater: comparison(operator('Greater')),
  GreaterEqual: comparison(operator('GreaterOrEqual')),
  Less: comparison(operator('Less')),
  LessEqual: comparison(operator('LessOrEqual')),
  Equal: comparison(operator('Equal')),
  NotEqual: comparison(({ graph }, a, b) => graph.node('Not', [graph.node('Equal', [a, b])])),
  LogicalAnd: logical('And'),
  LogicalOr: logical('Or'),
  Prelu: (backend, { x, alpha }) =>
    combined(
      backend,
      x!,
      alpha!,
      ({ graph }, name, slope) => {
        const negative = graph.node('Less', [name, graph.scalar(0, 'float32')])
        return graph.node('Where', [negative, graph.node('Mul', [slope, name]), name])
      },
      'float32',
    ),
  AddN: (backend, inputs) => {
    const [first, ...rest] = Object.values(inputs)
    const add = halvable('Add')
    return rest.reduce((sum, term) => add(backend, { a: sum, b: term }, {}) as TensorInfo, alias(backend, first!))
  },
  Select: (backend, { condition, t, e }) => {
    // A condition of rank 1 over tensors of higher rank chooses rows.
    const rowwise = condition!.shape.length === 1 && t!.shape.length > 1
    const chooser = backend.operand(castTo(backend, condition!, 'bool'))
    const type = numericType(t!, e!)
    const both = t!.dtype === 'bool' && e!.dtype === 'bool' ? 'bool' : type
    const chosen = [castTo(backend, t!, both), castTo(backend, e!, both)].map((tensor) => backend.native(tensor))
    const half = chosen.some((operand) => operand.half)
    const [yes, no] = chosen.map((operand) => backend.inPrecision(operand, half)) as [Operand, Operand]
    const column = [condition!.shape[0] ?? 1, ...t!.shape.slice(1).map(() => 1)]
    const name = rowwise
      ? backend.graph.node('Reshape', [backend.full(condition!), backend.graph.int64(column)])
      : chooser.name
    const held = broadcast(broadcast(rowwise ? column : chooser.held, yes.held), no.held)
    return backend.symbolic(backend.graph.node('Where', [name, yes.name, no.name]), t!.shape, both, held, half)
  },
}
