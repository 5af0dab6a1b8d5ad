import { before, describe, test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { createEngine } from '../../../training/engine/create-engine.js'
import type { Engine, InferenceFunction } from '../../../training/engine/types.js'
import { assertClose } from './closeness.js'
import { floats, integers, seeded } from './toy-encoder.js'

type Loss = (x: tf.Tensor, w: tf.Tensor, ids: tf.Tensor) => tf.Tensor
const random = seeded(11)
const inputs = {
  x: floats([4, 6], () => random() * 2 - 1),
  w: floats([6, 6], () => random() * 2 - 1),
  ids: integers([4], () => Math.floor(random() * 6)),
}

/** Functions of everything that encoders, distillation losses, clipping and integrated gradients are made of. */
const losses: Record<string, Loss> = {
  'a linear layer': (x, w) => tf.matMul(x, w),
  'transposed products': (x, w) => tf.matMul(x, w, false, true),
  'a bias that is broadcast': (x, w) => tf.square(tf.add(x, tf.slice(w, [0, 0], [1, 6]))),
  'softmax along an axis': (x, w) => tf.mul(tf.softmax(x), tf.slice(w, [0, 0], [4, 6])),
  'log softmax': (x, w) => tf.mul(tf.logSoftmax(x), tf.slice(w, [0, 0], [4, 6])),
  'softmax cross-entropy against ids': (x, _w, ids) => tf.losses.softmaxCrossEntropy(tf.oneHot(ids, 6), x),
  'KL divergence at a temperature': (x, w) => {
    const teacher = tf.softmax(tf.div(tf.slice(w, [0, 0], [4, 6]), 2))
    return tf.mul(tf.sum(tf.mul(teacher, tf.sub(tf.log(teacher), tf.logSoftmax(tf.div(x, 2))))), 4 / 4)
  },
  'mean squared error': (x, w) => tf.losses.meanSquaredError(tf.slice(w, [0, 0], [4, 6]), x),
  'cosine distance': (x, w) => {
    const unit = (t: tf.Tensor) => tf.div(t, tf.sqrt(tf.sum(tf.square(t), -1, true)))
    return tf.sub(1, tf.sum(tf.mul(unit(x), unit(tf.slice(w, [0, 0], [4, 6]))), -1))
  },
  'layer normalisation': (x, w) => {
    const { mean, variance } = tf.moments(x, -1, true)
    return tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-6))), tf.slice(w, [0, 0], [1, 6]))
  },
  'GELU by erf': (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
  'GELU by tanh': (x) => tf.mul(x, tf.add(tf.tanh(tf.add(x, tf.mul(tf.pow(x, 3), 0.044715))), 1)),
  'attention over heads': (x) => {
    const heads = tf.transpose(tf.reshape(x, [2, 2, 2, 3]), [0, 2, 1, 3])
    return tf.matMul(tf.softmax(tf.matMul(heads, heads, false, true)), heads)
  },
  'a lookup with repeated ids': (_x, w, ids) => tf.square(tf.gather(w, ids)),
  'a lookup of columns': (_x, w, ids) => tf.square(tf.gather(w, ids, 1)),
  'the first row': (x) => tf.square(tf.slice(x, [0, 0], [1, 6])),
  'the mean over a mask': (x, _w, ids) => {
    const mask = tf.expandDims(tf.cast(tf.greater(ids, 2), 'float32'), 1)
    return tf.div(tf.sum(tf.mul(x, mask), 0), tf.maximum(tf.sum(mask), 1))
  },
  'a dropout mask': (x, w) => tf.mul(x, tf.cast(tf.greaterEqual(tf.slice(w, [0, 0], [4, 6]), 0), 'float32')),
  'concatenation and splits': (x, w) => {
    const [a, b] = tf.split(tf.concat([x, w], 0), 2, 0)
    return tf.mul(a!, b!)
  },
  'stacks and unstacks': (x) => tf.stack(tf.unstack(tf.square(x), 1), 0),
  'padding and tiling': (x) =>
    tf.square(
      tf.tile(
        tf.pad(x, [
          [1, 0],
          [0, 2],
        ]),
        [2, 1],
      ),
    ),
  'maximum and minimum of elements': (x, w) => tf.maximum(tf.minimum(x, tf.slice(w, [0, 0], [4, 6])), -0.5),
  'the largest element': (x) => tf.max(x, -1),
  'a choice by condition': (x, w) => {
    // tfjs has no gradient of comparisons: conditions come from what is not differentiated.
    const chosen = tf.tensor([1, 0, 0, 1], [4, 1], 'bool')
    return tf.where(tf.broadcastTo(chosen, [4, 6]), tf.square(x), tf.slice(w, [0, 0], [4, 6]))
  },
  clipping: (x) => tf.square(tf.clipByValue(x, -0.5, 0.5)),
  'the global norm': (x, w) => tf.sqrt(tf.add(tf.sum(tf.square(x)), tf.sum(tf.square(w)))),
  'activations of poolers': (x) => tf.add(tf.relu(x), tf.tanh(tf.sigmoid(x))),
  'a path of integrated gradients': (x, w) => {
    const baseline = tf.slice(w, [0, 0], [4, 6])
    const alphas = tf.tensor([0.25, 0.5, 0.75], [3, 1, 1])
    const path = tf.add(baseline, tf.mul(alphas, tf.sub(x, baseline)))
    return tf.tanh(tf.reshape(path, [12, 6]))
  },
}

describe('gradients of compositions equal those of tfjs on its CPU backend', () => {
  let engines: Engine[]
  before(async () => {
    engines = [await createEngine('cpu', { threads: 1 }), await createEngine('tfjs:cpu')]
  })

  for (const [name, loss] of Object.entries(losses)) {
    test(name, async () => {
      const infer: InferenceFunction = (_parameters, { x, w, ids }) => {
        // Weighted, so that no gradient is the same in all elements.
        const total = (x: tf.Tensor, w: tf.Tensor) => {
          const value = tf.reshape(loss(x, w, ids!), [-1])
          const weighted = tf.sum(tf.mul(value, tf.range(1, value.size + 1)))
          // tfjs refuses gradients with respect to what a function does not use.
          return tf.addN([weighted, tf.mul(tf.sum(x), 0.5), tf.mul(tf.sum(w), 0.25)]) as tf.Scalar
        }
        const { value, grads } = tf.valueAndGrads((...given) => total(given[0]!, given[1]!))(
          [x!, w!].map((t) => t.clone()),
        )
        return { value, dx: grads[0]!, dw: grads[1]! }
      }
      const results = await Promise.all(
        engines.map(async (engine) => {
          const evaluator = await engine.evaluator(infer, {})
          const result = await evaluator.run(inputs)
          await evaluator.dispose()
          return result
        }),
      )
      assertClose(results[0]!, results[1]!, { absolute: 2e-4, relative: 1e-4 })
    })
  }
})
