import * as tf from '@tensorflow/tfjs'
import { InvalidConfiguration } from '../../src/errors.js'
import { assertSameShape, logSoftmax, softmaxCrossEntropy } from './softmax-cross-entropy.js'

/**
 * Soft-target loss: T² · KL(softmax(teacher/T) ‖ softmax(student/T)), batch mean. T² keeps the gradient's scale
 * independent of T.
 * @param student logits, [batch, labels]
 * @param teacher logits, [batch, labels]; constant
 * @param temperature T, in [1, 10]
 * @returns scalar, nats
 * @throws ShapeMismatch when the shapes differ, InvalidConfiguration when T is out of range
 * @see Hinton et al. 2015, section 2.1
 */
export function softTargetLoss(student: tf.Tensor2D, teacher: tf.Tensor2D, temperature: number): tf.Scalar {
  if (!(temperature >= 1 && temperature <= 10)) {
    throw new InvalidConfiguration(
      'temperature',
      `${temperature} is not in [1, 10]; 1 softens nothing, 2 to 4 is usual`,
    )
  }
  assertSameShape(student, teacher)
  const logTargets = logSoftmax(tf.mul(teacher, 1 / temperature))
  const targets = tf.exp(logTargets) as tf.Tensor2D
  const negativeEntropy = tf.mul(tf.sum(tf.mul(targets, logTargets)), 1 / student.shape[0])
  const divergence = tf.add(softmaxCrossEntropy(tf.mul(student, 1 / temperature), targets), negativeEntropy)
  return tf.mul(divergence, temperature ** 2)
}
