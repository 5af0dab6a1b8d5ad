import * as tf from '@tensorflow/tfjs'
import { InvalidConfiguration } from '../../src/errors.js'
import { batchField } from './loss.js'
import { assertSameShape, logSoftmax } from './softmax-cross-entropy.js'
import type { Term } from './term.js'

/**
 * Soft-target loss: T² · KL(softmax(teacher/T) ‖ softmax(student/T)), batch mean. T² keeps the gradient's scale
 * independent of T. The gradient is written out: T · (softmax(student/T) − softmax(teacher/T)) / batch.
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
  const batch = student.shape[0]
  return tf.customGrad((...args) => {
    const [logits, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc]
    const logProbabilities = logSoftmax(tf.mul(logits, 1 / temperature))
    const targets = tf.exp(logTargets)
    save([logProbabilities, targets])
    // a sum of differences, not a difference of sums: it stays exact as the student comes close to its teacher
    const divergence = tf.sum(tf.mul(targets, tf.sub(logTargets, logProbabilities)))
    return {
      value: tf.mul(divergence, temperature ** 2 / batch),
      gradFunc: (dy: tf.Tensor, [logProbabilities, targets]: tf.Tensor[]) =>
        tf.mul(tf.sub(tf.exp(logProbabilities!), targets!), tf.mul(dy, temperature / batch)),
    }
  })(student) as tf.Scalar
}

/** The soft-target loss with the batch's `teacherLogits`, as a term of a weighted sum. */
export function softTargetTerm(weight: number, temperature: number): Term {
  return {
    name: 'soft',
    weight,
    compute: ({ outputs, batch }) =>
      softTargetLoss(outputs.logits, batchField<tf.Tensor2D>(batch, 'teacherLogits'), temperature),
  }
}
