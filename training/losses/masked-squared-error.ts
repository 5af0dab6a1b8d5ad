import * as tf from '@tensorflow/tfjs'
import { assertSameShape } from './softmax-cross-entropy.js'

/**
 * Weighted mean of squared differences: Σ w · (student − teacher)² / Σ w, every weight counted once for each element that it
 * is broadcast to. The gradient is written out, 2 · w · (student − teacher) / Σ w, so that one tensor is kept for the backward
 * pass.
 * @param student any shape
 * @param teacher the same shape; constant
 * @param weights of the same rank, broadcasts to it; constant, not all 0
 * @returns scalar
 * @throws ShapeMismatch when the shapes differ
 */
export function maskedSquaredError<T extends tf.Tensor>(student: T, teacher: T, weights: tf.Tensor): tf.Scalar {
  assertSameShape(student, teacher, 'states')
  const repeats = student.size / weights.size
  return tf.customGrad((...args) => {
    const [states, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc]
    const difference = tf.sub(states, teacher)
    const weighted = tf.mul(difference, weights)
    const total = tf.mul(tf.sum(weights), repeats)
    save([weighted, total])
    return {
      value: tf.div(tf.sum(tf.mul(weighted, difference)), total),
      gradFunc: (dy: tf.Tensor, [weighted, total]: tf.Tensor[]) => tf.mul(weighted!, tf.div(tf.mul(dy, 2), total!)),
    }
  })(student) as tf.Scalar
}
