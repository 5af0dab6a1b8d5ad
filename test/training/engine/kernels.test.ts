import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { isLextierError } from '../../../src/errors.js'
import type { HostTensor, HostTensors } from '../../../src/family/tensor.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { tracedKernelNames } from '../../../training/engine/kernels/registry.js'
import type { Engine, InferenceFunction, Tensors } from '../../../training/engine/types.js'
import { assertClose } from './closeness.js'
import { floats, integers, seeded } from './toy-encoder.js'

type T = tf.Tensor
/** Inputs by name; the function under test gets them as tensors. */
interface Case {
  readonly kernel: string
  readonly name: string
  readonly inputs: HostTensors
  readonly run: (x: Tensors) => T | T[]
}

const random = seeded(7)
const reals = (...shape: number[]) => floats(shape, () => random() * 6 - 3)
const positive = (...shape: number[]) => floats(shape, () => random() * 3 + 0.1)
const whole = (...shape: number[]) => integers(shape, () => Math.floor(random() * 13) - 6)
const nonZero = (...shape: number[]) =>
  integers(shape, () => (random() < 0.5 ? -1 : 1) * (1 + Math.floor(random() * 5)))
const below = (limit: number, ...shape: number[]) => integers(shape, () => Math.floor(random() * limit))
const odd: HostTensor = { shape: [5], values: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, -1e30, 0, 2.5) }
const bool = (x: T) => tf.cast(x, 'bool')

function unary(kernel: string, op: (x: T) => T, make = reals): Case[] {
  return [
    { kernel, name: 'a matrix', inputs: { x: make(3, 4) }, run: ({ x }) => op(x!) },
    { kernel, name: 'a scalar', inputs: { x: make() }, run: ({ x }) => op(x!) },
    {
      kernel,
      name: 'a broadcast row',
      inputs: { x: make(1, 4) },
      run: ({ x }) => tf.reshape(op(tf.tile(x!, [3, 1])), [2, 6]),
    },
  ]
}

function binary(kernel: string, op: (a: T, b: T) => T, a = reals, b = a): Case[] {
  const shapes: [number[], number[]][] = [
    [
      [3, 4],
      [3, 4],
    ],
    [[3, 4], [4]],
    [
      [3, 1],
      [1, 4],
    ],
    [[], [2, 3]],
    [
      [2, 1, 3],
      [4, 1],
    ],
  ]
  return shapes.map(([left, right]) => ({
    kernel,
    name: `[${left}] with [${right}]`,
    inputs: { a: a(...left), b: b(...right) },
    run: ({ a, b }) => op(a!, b!),
  }))
}

function one(kernel: string, name: string, inputs: HostTensors, run: Case['run']): Case[] {
  return [{ kernel, name, inputs, run }]
}

const reductions = (kernel: string, op: (x: T, axis?: number[], keep?: boolean) => T, make = reals): Case[] =>
  [undefined, [0], [-1], [0, 2], [1, -1], []].flatMap((axis) =>
    [false, true].map((keep) => ({
      kernel,
      name: `axis ${axis === undefined ? 'all' : `[${axis}]`}${keep ? ', kept' : ''}`,
      inputs: { x: make(2, 3, 4) },
      run: ({ x }: Tensors) => op(x!, axis, keep),
    })),
  )

const cases: Case[] = [
  ...unary('Identity', (x) => x.clone()),
  ...unary('Neg', (x) => tf.neg(x)),
  ...unary('Neg', (x) => tf.neg(x), whole),
  ...unary('Abs', (x) => tf.abs(x)),
  ...unary('Abs', (x) => tf.abs(x), whole),
  ...unary('Sign', (x) => tf.sign(x)),
  ...unary('Square', (x) => tf.square(x)),
  ...unary('Square', (x) => tf.square(x), whole),
  ...unary('Exp', (x) => tf.exp(x)),
  ...unary('Expm1', (x) => tf.expm1(x)),
  ...unary('Log', (x) => tf.log(x), positive),
  ...unary('Log1p', (x) => tf.log1p(x), positive),
  ...unary('Sqrt', (x) => tf.sqrt(x), positive),
  ...unary('Rsqrt', (x) => tf.rsqrt(x), positive),
  ...unary('Reciprocal', (x) => tf.reciprocal(x), positive),
  ...unary('Sin', (x) => tf.sin(x)),
  ...unary('Cos', (x) => tf.cos(x)),
  ...unary('Tanh', (x) => tf.tanh(x)),
  ...unary('Erf', (x) => tf.erf(x)),
  ...unary('Floor', (x) => tf.floor(x)),
  ...unary('Ceil', (x) => tf.ceil(x)),
  ...one(
    'Round',
    'halves to even',
    { x: { shape: [6], values: Float32Array.of(-1.5, -0.5, 0.5, 1.5, 2.5, 2.6) } },
    ({ x }) => tf.round(x!),
  ),
  ...unary('IsNan', (x) => tf.isNaN(x)),
  ...one('IsNan', 'odd values', { x: odd }, ({ x }) => tf.isNaN(x!)),
  ...one('IsInf', 'odd values', { x: odd }, ({ x }) => tf.isInf(x!)),
  ...one('IsFinite', 'odd values', { x: odd }, ({ x }) => tf.isFinite(x!)),
  ...unary('LogicalNot', (x) => tf.logicalNot(bool(tf.relu(x))), whole),
  ...unary('ClipByValue', (x) => tf.clipByValue(x, -1, 1.5)),
  ...unary('Step', (x) => tf.step(x, 0.25)),
  ...one('Step', 'odd values', { x: odd }, ({ x }) => tf.step(x!)),
  ...one('Cast', 'float to int, towards zero', { x: reals(4, 5) }, ({ x }) => tf.cast(x!, 'int32')),
  ...one('Cast', 'int to float', { x: whole(4, 5) }, ({ x }) => tf.cast(x!, 'float32')),
  ...one('Cast', 'float to bool to float', { x: odd }, ({ x }) => tf.cast(bool(tf.relu(tf.slice(x!, 1))), 'float32')),

  ...unary('Relu', (x) => tf.relu(x)),
  ...unary('Relu', (x) => tf.relu(x), whole),
  ...unary('Relu6', (x) => tf.relu6(tf.mul(x, 4))),
  ...unary('Elu', (x) => tf.elu(x)),
  ...unary('Selu', (x) => tf.selu(x)),
  ...unary('Sigmoid', (x) => tf.sigmoid(x)),
  ...unary('Softplus', (x) => tf.softplus(x)),
  ...unary('LeakyRelu', (x) => tf.leakyRelu(x, 0.3)),
  ...one('Prelu', 'a slope per column', { x: reals(3, 4), a: reals(4) }, ({ x, a }) => tf.prelu(x!, a!)),
  ...one('Softmax', 'the last axis', { x: reals(2, 3, 4) }, ({ x }) => tf.softmax(x!)),
  ...one('Softmax', 'large logits', { x: { shape: [2, 2], values: Float32Array.of(1e4, 0, -1e4, -1e4) } }, ({ x }) =>
    tf.softmax(x!),
  ),

  ...binary('Add', (a, b) => tf.add(a, b)),
  ...binary('Add', (a, b) => tf.add(a, b), reals, whole),
  ...binary('Sub', (a, b) => tf.sub(a, b)),
  ...binary('Sub', (a, b) => tf.sub(a, b), whole),
  ...binary('Multiply', (a, b) => tf.mul(a, b)),
  ...binary('Multiply', (a, b) => tf.mul(a, b), whole),
  ...one('Multiply', 'a row by ones of a matrix', { x: reals(1, 4) }, ({ x }) =>
    tf.sum(tf.mul(x!, tf.ones([3, 4])), 0),
  ),
  ...one('Multiply', 'ints by ones', { x: whole(4) }, ({ x }) => tf.mul(x!, tf.onesLike(x!))),
  ...binary('RealDiv', (a, b) => tf.div(a, b), reals, positive),
  ...binary('FloorDiv', (a, b) => tf.floorDiv(a, b), whole, nonZero),
  ...binary('FloorDiv', (a, b) => tf.div(a, b), whole, nonZero),
  ...binary('FloorDiv', (a, b) => tf.floorDiv(a, b), reals, positive),
  ...binary('Mod', (a, b) => tf.mod(a, b), whole, nonZero),
  ...binary(
    'Mod',
    (a, b) => tf.mod(a, b),
    reals,
    (...shape) => floats(shape, () => (random() < 0.5 ? -1.3 : 1.7)),
  ),
  ...binary('Pow', (a, b) => tf.pow(a, b), positive, reals),
  ...binary('Pow', (a, b) => tf.pow(a, tf.abs(b)), whole),
  ...binary('Maximum', (a, b) => tf.maximum(a, b)),
  ...binary('Maximum', (a, b) => tf.maximum(a, b), whole),
  ...binary('Minimum', (a, b) => tf.minimum(a, b)),
  ...binary('SquaredDifference', (a, b) => tf.squaredDifference(a, b)),
  ...binary('Greater', (a, b) => tf.greater(a, b), whole),
  ...binary('GreaterEqual', (a, b) => tf.greaterEqual(a, b), whole),
  ...binary('Less', (a, b) => tf.less(a, b)),
  ...binary('LessEqual', (a, b) => tf.lessEqual(a, b), whole),
  ...binary('Equal', (a, b) => tf.equal(a, b), whole),
  ...binary('Equal', (a, b) => tf.equal(bool(a), bool(b)), whole),
  ...binary('NotEqual', (a, b) => tf.notEqual(a, b), whole),
  ...binary('LogicalAnd', (a, b) => tf.logicalAnd(bool(tf.relu(a)), bool(tf.relu(b))), whole),
  ...binary('LogicalOr', (a, b) => tf.logicalOr(bool(tf.relu(a)), bool(tf.relu(b))), whole),
  ...one('AddN', 'three terms', { a: reals(2, 3), b: reals(2, 3), c: reals(2, 3) }, ({ a, b, c }) =>
    tf.addN([a!, b!, c!]),
  ),
  ...one('Select', 'broadcast', { c: whole(3, 1), a: reals(4), b: reals(3, 4) }, ({ c, a, b }) =>
    tf.where(tf.greater(c!, 0), a!, b!),
  ),
  ...one('Select', 'a scalar choice', { c: reals(2, 2) }, ({ c }) => tf.where(tf.greater(c!, 0), c!, tf.scalar(-1))),

  ...one('Fill', 'float and int', { x: reals(2, 3) }, ({ x }) => [
    tf.add(x!, tf.fill([2, 3], 2.5)),
    tf.fill([2, 2], 7, 'int32'),
    tf.sum(tf.fill([3, 4], 0.5), 1),
  ]),
  ...one('ZerosLike', 'keeps shape and type', { x: whole(2, 3) }, ({ x }) => tf.zerosLike(x!)),
  ...one('OnesLike', 'keeps shape and type', { x: reals(2, 3) }, ({ x }) => tf.reshape(tf.onesLike(x!), [3, 2])),
  ...one('Range', 'steps', { x: reals(4) }, ({ x }) => tf.add(x!, tf.range(1, 3, 0.5))),

  ...one('Reshape', 'with -1', { x: reals(2, 6) }, ({ x }) => tf.reshape(x!, [3, -1])),
  ...one('Reshape', 'to a scalar', { x: reals(1, 1) }, ({ x }) => tf.reshape(x!, [])),
  ...one('ExpandDims', 'first, middle, last', { x: reals(2, 3) }, ({ x }) =>
    [0, 1, -1].map((axis) => tf.expandDims(x!, axis)),
  ),
  ...one('Reshape', 'squeeze', { x: reals(2, 1, 3, 1) }, ({ x }) => [tf.squeeze(x!), tf.squeeze(x!, [1])]),
  ...one('Transpose', 'four axes', { x: reals(2, 3, 4, 5) }, ({ x }) => tf.transpose(x!, [0, 2, 1, 3])),
  ...one('Transpose', 'default and identity', { x: whole(2, 3) }, ({ x }) => [
    tf.transpose(x!),
    tf.transpose(x!, [0, 1]),
  ]),
  ...one('Concat', 'axes 0 and -1', { a: reals(2, 3), b: reals(2, 3) }, ({ a, b }) => [
    tf.concat([a!, b!], 0),
    tf.concat([a!, b!], -1),
  ]),
  ...one('Pack', 'axes 0, 1, -1', { a: reals(2, 3), b: reals(2, 3) }, ({ a, b }) =>
    [0, 1, -1].map((axis) => tf.stack([a!, b!], axis)),
  ),
  ...one('Tile', 'repeats and broadcasts', { x: reals(2, 1) }, ({ x }) => [
    tf.tile(x!, [2, 3]),
    tf.tile(x!, [1, 4]),
    tf.broadcastTo(x!, [3, 2, 5]),
    tf.tile(tf.tile(x!, [1, 2]), [1, 2]),
  ]),
  ...one('PadV2', 'with a value', { x: reals(2, 3) }, ({ x }) => [
    tf.pad(
      x!,
      [
        [1, 0],
        [2, 3],
      ],
      -1,
    ),
    tf.pad(tf.cast(x!, 'int32'), [
      [0, 2],
      [0, 0],
    ]),
  ]),

  ...one('Slice', 'blocks', { x: reals(3, 4, 5) }, ({ x }) => [
    tf.slice(x!, [1, 0, 2], [2, 3, 1]),
    tf.slice(x!, [1]),
    tf.slice(x!, [0, 1], [-1, 2]),
  ]),
  ...one('StridedSlice', 'steps, backwards, masks', { x: reals(5, 6) }, ({ x }) => [
    tf.stridedSlice(x!, [0, 1], [5, 6], [2, 3]),
    tf.stridedSlice(x!, [4, 0], [0, 6], [-2, 1]),
    tf.stridedSlice(x!, [1, 0], [2, 6], [1, 1], 0, 0, 0, 0, 1),
  ]),
  ...one('Reverse', 'one axis and all', { x: reals(2, 3, 4) }, ({ x }) => [
    tf.reverse(x!, 1),
    tf.reverse(x!),
    tf.reverse(x!, [-1, 0]),
  ]),
  ...one('SplitV', 'equal and given sizes', { x: reals(4, 6) }, ({ x }) => [
    ...tf.split(x!, 2, 1),
    ...tf.split(x!, [1, 3], 0),
    ...tf.split(x!, [2, -1], -1),
  ]),
  ...one('Unpack', 'axes 0 and -1', { x: reals(2, 3) }, ({ x }) => [...tf.unstack(x!), ...tf.unstack(x!, -1)]),

  ...reductions('Sum', (x, axis, keep) => tf.sum(x, axis, keep)),
  ...reductions('Sum', (x, axis, keep) => tf.sum(bool(tf.relu(x)), axis, keep), whole),
  ...reductions('Mean', (x, axis, keep) => tf.mean(x, axis, keep)),
  ...reductions('Mean', (x, axis, keep) => tf.mean(x, axis, keep), whole),
  ...reductions('Max', (x, axis, keep) => tf.max(x, axis, keep)),
  ...reductions('Min', (x, axis, keep) => tf.min(x, axis, keep), whole),
  ...reductions('Prod', (x, axis, keep) => tf.prod(x, axis, keep)),
  ...reductions('All', (x, axis, keep) => tf.all(tf.greater(x, -5), axis, keep), whole),
  ...reductions('Any', (x, axis, keep) => tf.any(tf.greater(x, 4), axis, keep), whole),
  ...one('Sum', 'an empty axis', { x: reals(2, 3) }, ({ x }) => tf.sum(tf.slice(x!, [0, 0], [2, 0]), 1)),
  ...one('Sum', 'a scalar', { x: reals() }, ({ x }) => [tf.sum(x!), tf.mean(x!)]),
  ...one('ArgMax', 'ties take the first', { x: below(3, 4, 5) }, ({ x }) => [tf.argMax(x!, 1), tf.argMax(x!, 0)]),
  ...one('ArgMin', 'ties take the first', { x: below(3, 4, 5) }, ({ x }) => tf.argMin(x!, -1)),
  ...one('Cumsum', 'plain, exclusive, reversed', { x: reals(3, 4) }, ({ x }) => [
    tf.cumsum(x!, 1),
    tf.cumsum(x!, 0, true),
    tf.cumsum(x!, 1, false, true),
  ]),

  ...one('GatherV2', 'rows and columns', { x: reals(5, 4), i: below(4, 2, 3) }, ({ x, i }) => [
    tf.gather(x!, i!),
    tf.gather(x!, i!, 1),
  ]),
  ...one('GatherV2', 'per batch', { x: reals(2, 5, 3), i: below(5, 2, 4) }, ({ x, i }) => tf.gather(x!, i!, 1, 1)),
  ...one('GatherNd', 'elements and rows', { x: reals(3, 4), i: below(3, 5, 2) }, ({ x, i }) => [
    tf.gatherND(x!, i!),
    tf.gatherND(x!, tf.slice(i!, [0, 0], [5, 1])),
  ]),
  ...one('ScatterNd', 'repeated indices add up', { u: reals(6, 3), i: below(4, 6, 1) }, ({ u, i }) =>
    tf.scatterND(i!, u!, [4, 3]),
  ),
  ...one(
    'TensorScatterUpdate',
    'replaces rows',
    { x: reals(4, 2), u: reals(2, 2), i: { shape: [2, 1], values: Int32Array.of(3, 1) } },
    ({ x, u, i }) => tf.tensorScatterUpdate(x!, i!, u!),
  ),
  ...one('UnsortedSegmentSum', 'repeated and missing ids', { x: reals(7, 3), i: below(4, 7) }, ({ x, i }) =>
    tf.unsortedSegmentSum(x!, i as tf.Tensor1D, 5),
  ),
  ...one('OneHot', 'also out of range', { i: { shape: [5], values: Int32Array.of(0, 2, 3, -1, 1) } }, ({ i }) => [
    tf.oneHot(i!, 3),
    tf.oneHot(i!, 3, 0.9, 0.05),
    tf.oneHot(i!, 4, 1, 0, 'int32'),
  ]),
  ...one('TopK', 'largest first', { x: reals(3, 6) }, ({ x }) => {
    const { values, indices } = tf.topk(x!, 2)
    return [values, indices]
  }),

  ...[false, true].flatMap((ta) =>
    [false, true].flatMap((tb) => {
      const left = (...batch: number[]) => reals(...batch, ...(ta ? [4, 3] : [3, 4]))
      const right = (...batch: number[]) => reals(...batch, ...(tb ? [5, 4] : [4, 5]))
      const run = ({ a, b }: Tensors) => tf.matMul(a!, b!, ta, tb)
      const name = (shapes: string) => `${shapes}${ta ? ', a transposed' : ''}${tb ? ', b transposed' : ''}`
      return [
        ...one('BatchMatMul', name('matrices'), { a: left(), b: right() }, run),
        ...one('BatchMatMul', name('a batch'), { a: left(2), b: right(2) }, run),
        ...one('BatchMatMul', name('heads'), { a: left(2, 3), b: right(2, 3) }, run),
        ...one('BatchMatMul', name('one right operand'), { a: left(2), b: right(1) }, run),
        ...one('BatchMatMul', name('one left operand'), { a: left(1), b: right(2) }, run),
        ...one('BatchMatMul', name('a batch of one'), { a: left(1), b: right(1) }, run),
      ]
    }),
  ),
  ...one(
    'BatchMatMul',
    'with a bias, and used without it too',
    { a: reals(3, 4), b: reals(4, 5), c: reals(5) },
    ({ a, b, c }) => {
      const product = tf.matMul(a!, b!)
      return [tf.add(product, c!), tf.add(c!, product), tf.mul(product, 2)]
    },
  ),
  ...one(
    'BatchMatMul',
    'a square product and a bias along rows',
    { a: reals(3, 4), b: reals(4, 3), c: reals(3, 1) },
    ({ a, b, c }) => tf.add(tf.matMul(a!, b!), c!),
  ),
  ...one('BatchMatMul', 'a broadcast operand', { a: reals(3, 1), b: reals(4, 5) }, ({ a, b }) =>
    tf.matMul(tf.tile(a!, [1, 4]), b!),
  ),
  ...(['linear', 'relu', 'elu', 'sigmoid'] as const).flatMap((activation) =>
    one('_FusedMatMul', activation, { a: reals(3, 4), b: reals(4, 5), c: reals(5) }, ({ a, b, c }) =>
      tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias: c!, activation }),
    ),
  ),
]

const inferenceOf =
  (run: Case['run']): InferenceFunction =>
  (_parameters, batch) => {
    const result = run(batch)
    return Object.fromEntries((Array.isArray(result) ? result : [result]).map((tensor, index) => [`y${index}`, tensor]))
  }

describe('every kernel gives what tfjs gives on its CPU backend', () => {
  let traced: Engine
  let eager: Engine
  before(async () => {
    traced = await createEngine('cpu', { threads: 1 })
    eager = await createEngine('tfjs:cpu')
  })

  for (const { kernel, name, inputs, run } of cases) {
    test(`${kernel}: ${name}`, async () => {
      const infer = inferenceOf(run)
      const [left, right] = [await traced.evaluator(infer, {}), await eager.evaluator(infer, {})]
      assertClose(await left.run(inputs), await right.run(inputs), { absolute: 1e-5, relative: 2e-5 })
      await Promise.all([left.dispose(), right.dispose()])
    })
  }

  after(() => {
    const covered = new Set(cases.map(({ kernel }) => kernel))
    const missing = tracedKernelNames.filter((kernel) => !covered.has(kernel))
    assert.deepEqual(missing, [], 'kernels without a test')
  })
})

test('a kernel without an ONNX form is refused by name', async () => {
  const engine = await createEngine('cpu', { threads: 1 })
  const evaluator = await engine.evaluator((_p, { x }) => ({ y: tf.atan2(x!, x!) }), {})
  await assert.rejects(evaluator.run({ x: reals(2) }), (error) => {
    assert.ok(isLextierError(error) && error.code === 'KERNEL_UNSUPPORTED')
    assert.match(error.message, /"Atan2"/)
    return true
  })
})

test('reading a value while tracing says why there is none', async () => {
  const engine = await createEngine('cpu', { threads: 1 })
  const evaluator = await engine.evaluator((_p, { x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }), {})
  await assert.rejects(evaluator.run({ x: reals(2) }), /read while a step is being traced/)
})
