import * as tf from '@tensorflow/tfjs'
import { InvalidConfiguration, ShapeMismatch } from '../../src/errors.js'
import { paddingBias } from '../nn/attention.js'
import type { LayerPair } from './layer-map.js'
import { batchField } from './loss.js'
import { logSoftmax } from './softmax-cross-entropy.js'
import { type Term, tracePair } from './term.js'

const RELATIONS = ['queries', 'keys', 'values'] as const

/** MiniLMv2's number for a teacher of 768 */
const USUAL_HEADS = 48
/** narrower relation heads say little: their products are sums of few terms */
const NARROWEST_HEAD = 8

/**
 * One relation of MiniLMv2: every token's products with all tokens, per relation head a distribution
 * softmax(x · xᵀ / √(hidden / relationHeads)) over real tokens, and KL(teacher ‖ student) of these, mean over relation heads and
 * real tokens. Widths may differ. Of the scores, one tensor is kept for the backward pass: the gradient is written out,
 * (student's distribution − teacher's) / (heads · real tokens).
 * @param student queries, keys or values [batch, heads, tokens, hidden / heads]
 * @param teacher the same of the teacher, with heads and width of its own; constant
 * @param attentionMask int32 [batch, tokens]; padding is no key, and its rows count for nothing
 * @param relationHeads divides both widths
 * @returns scalar, nats
 * @throws ShapeMismatch when batch or tokens differ
 * @see Wang et al. 2021 (MiniLMv2), equations 5 to 8
 */
export function relationLoss(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  attentionMask: tf.Tensor2D,
  relationHeads: number,
): tf.Scalar {
  const own = relationScores(student, relationHeads)
  const others = relationScores(teacher, relationHeads)
  if (own.shape.join() !== others.shape.join()) {
    throw new ShapeMismatch(
      `relations [${own.shape}] do not fit the teacher's [${others.shape}]; give both the same batch`,
    )
  }
  const [batch, heads, tokens] = own.shape
  const bias = paddingBias(attentionMask)
  const logTargets = logSoftmax(tf.add(others, bias))
  const real = tf.cast(attentionMask, 'float32')
  const rowWeights = tf.reshape(tf.div(real, tf.mul(tf.sum(real), heads)), [batch, 1, tokens, 1])
  return tf.customGrad((...args) => {
    const [scores, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc]
    const logProbabilities = logSoftmax(tf.add(scores, bias))
    const targets = tf.exp(logTargets)
    save([tf.mul(tf.sub(tf.exp(logProbabilities), targets), rowWeights)])
    // at padded keys both logs are finite and the target is 0
    const divergences = tf.mul(targets, tf.sub(logTargets, logProbabilities))
    return {
      value: tf.sum(tf.mul(divergences, rowWeights)),
      gradFunc: (dy: tf.Tensor, [gradient]: tf.Tensor[]) => tf.mul(gradient!, dy),
    }
  })(own) as tf.Scalar
}

/**
 * @param widths hidden sizes
 * @returns how many relation heads; for `auto` the number nearest to 48 that leaves each at least 8 wide
 * @throws InvalidConfiguration when the number does not divide both widths, with those that do
 */
export function relationHeadCount(heads: number | 'auto', widths: { student: number; teacher: number }): number {
  const { student, teacher } = widths
  const narrower = Math.min(student, teacher)
  const divisors = Array.from({ length: narrower }, (_, i) => i + 1).filter(
    (n) => student % n === 0 && teacher % n === 0,
  )
  if (heads === 'auto') {
    const usable = divisors.filter((n) => n === 1 || narrower / n >= NARROWEST_HEAD)
    return usable.toSorted((a, b) => Math.abs(a - USUAL_HEADS) - Math.abs(b - USUAL_HEADS) || a - b)[0]!
  }
  if (!divisors.includes(heads)) {
    throw new InvalidConfiguration(
      'relations.heads',
      `${heads} does not divide the widths ${student} (student) and ${teacher} (teacher); ${divisors.join(', ')} do`,
    )
  }
  return heads
}

/** The sum of query-query, key-key and value-value relations, mean over pairs of layers, as a term of a weighted sum. */
export function relationTerm(weight: number, pairs: readonly LayerPair[], relationHeads: number): Term {
  return {
    name: 'relations',
    weight,
    inside: { attention: true },
    compute(inputs) {
      const attentionMask = batchField<tf.Tensor2D>(inputs.batch, 'attentionMask')
      const losses = pairs.flatMap((pair) => {
        const [student, teacher] = tracePair(inputs, pair)
        return RELATIONS.map((name) => relationLoss(student[name], teacher[name], attentionMask, relationHeads))
      })
      return tf.mul(tf.addN(losses), 1 / pairs.length)
    },
  }
}

/** @param states [batch, heads, tokens, hidden / heads] @returns [batch, relationHeads, tokens, tokens] */
function relationScores(states: tf.Tensor4D, relationHeads: number): tf.Tensor4D {
  const [batch, heads, tokens, headSize] = states.shape
  const width = (heads * headSize) / relationHeads
  const regrouped =
    heads === relationHeads
      ? states
      : tf.transpose(
          tf.reshape(tf.transpose(states, [0, 2, 1, 3]), [batch, tokens, relationHeads, width]),
          [0, 2, 1, 3],
        )
  const scaled = tf.mul(regrouped, 1 / Math.sqrt(width))
  return tf.matMul(scaled, regrouped, false, true) as tf.Tensor4D
}
