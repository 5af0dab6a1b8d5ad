import * as tf from '@tensorflow/tfjs'
import { InvalidConfiguration, ShapeMismatch } from '../../src/errors.js'
import { batchField } from './loss.js'
import { softmaxCrossEntropy } from './softmax-cross-entropy.js'
import type { Term } from './term.js'

/**
 * Hard-target loss: cross-entropy of the true labels, batch mean. With label smoothing s the target is
 * (1 − s) · one-hot + s / labels.
 * @param logits [batch, labels]
 * @param labels int32 [batch], each in [0, labels)
 * @param labelSmoothing in [0, 1)
 * @returns scalar, nats
 * @throws ShapeMismatch when the batch sizes differ
 * @see Szegedy et al. 2016, section 7, for label smoothing
 */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D, labelSmoothing = 0): tf.Scalar {
  const [batch, classes] = logits.shape
  if (labels.shape[0] !== batch) throw new ShapeMismatch(`${batch} rows of logits and ${labels.shape[0]} labels`)
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new InvalidConfiguration('label_smoothing', `${labelSmoothing} is not in [0, 1)`)
  }
  const off = labelSmoothing / classes
  return softmaxCrossEntropy(
    logits,
    tf.oneHot(labels, classes, 1 - labelSmoothing + off, off, 'float32') as tf.Tensor2D,
  )
}

/** The cross-entropy with the batch's `labels`, as a term of a weighted sum. */
export function crossEntropyTerm(weight: number, labelSmoothing: number): Term {
  return {
    name: 'hard',
    weight,
    compute: ({ outputs, batch }) =>
      crossEntropy(outputs.logits, batchField<tf.Tensor1D>(batch, 'labels'), labelSmoothing),
  }
}
