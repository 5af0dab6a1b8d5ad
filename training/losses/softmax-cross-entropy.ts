import * as tf from '@tensorflow/tfjs'
import { ShapeMismatch } from '../../src/errors.js'

/**
 * Cross-entropy of softmax(logits) against target probabilities, batch mean: −Σ targets · log softmax(logits) / batch. The
 * gradient is written out for targets that sum to 1: (softmax(logits) − targets) / batch. The targets are constants.
 * @param logits [batch, labels]
 * @param targets [batch, labels], rows sum to 1
 * @returns scalar, nats
 * @throws ShapeMismatch when the shapes differ
 */
export function softmaxCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  assertSameShape(logits, targets)
  const batch = logits.shape[0]
  return tf.customGrad((...args) => {
    const [source, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc]
    const logProbabilities = logSoftmax(source)
    save([logProbabilities, targets]) // what is not saved is disposed of before the backward pass
    return {
      value: tf.mul(tf.sum(tf.mul(targets, logProbabilities)), -1 / batch),
      gradFunc: (dy: tf.Tensor, [logProbabilities, targets]: tf.Tensor[]) =>
        tf.mul(tf.sub(tf.exp(logProbabilities!), targets!), tf.mul(dy, 1 / batch)),
    }
  })(logits) as tf.Scalar
}

/** @param logits [..., labels] @returns log softmax over the last dimension, finite for finite logits */
export function logSoftmax<T extends tf.Tensor>(logits: T): T {
  const shifted = tf.sub(logits, tf.max(logits, -1, true))
  return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)))
}

/** @param what the tensors are, for the message @throws ShapeMismatch */
export function assertSameShape(student: tf.Tensor, teacher: tf.Tensor, what = 'logits'): void {
  if (student.shape.join() !== teacher.shape.join()) {
    throw new ShapeMismatch(
      `${what} [${student.shape}] do not fit targets [${teacher.shape}]; both need the same shape`,
    )
  }
}
