/** Kernels that make, rearrange, choose, reduce and multiply. */
import * as tf from '@tensorflow/tfjs'
import type { Tensors } from '../../../training/engine/types.js'
import { below, bool, type Case, one, reals, reductions, whole } from './kernel-case.js'

export const structuralCases: Case[] = [
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
