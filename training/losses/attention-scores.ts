import * as tf from '@tensorflow/tfjs'
import { InvalidConfiguration } from '../../src/errors.js'
import type { LayerPair } from './layer-map.js'
import { batchField } from './loss.js'
import { maskedSquaredError } from './masked-squared-error.js'
import { type Term, tracePair } from './term.js'
import { tokenPairMask } from './token-mask.js'

/** `scores`: head by head, for equal head counts. `head_mean`: of the means over heads. */
export type AttentionForm = 'scores' | 'head_mean'

/**
 * Attention loss: mean squared error of the scores before padding mask and softmax, over heads and pairs of real tokens.
 * @param student [batch, heads, tokens, tokens]
 * @param teacher [batch, heads, tokens, tokens]; constant. Head counts may differ under `head_mean`.
 * @param attentionMask int32 [batch, tokens]; padding counts for nothing, as query and as key
 * @returns scalar
 * @throws ShapeMismatch when the shapes differ
 * @see Jiao et al. 2020 (TinyBERT), equation 7, which finds unnormalised scores to converge faster than their softmax
 */
export function attentionScoreLoss(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  attentionMask: tf.Tensor2D,
  form: AttentionForm,
): tf.Scalar {
  const pairs = tokenPairMask(attentionMask)
  if (form === 'head_mean') return maskedSquaredError(tf.mean(student, 1), tf.mean(teacher, 1), pairs)
  return maskedSquaredError(student, teacher, tf.expandDims(pairs, 1))
}

/**
 * @param heads of the student and of the teacher
 * @throws InvalidConfiguration when scores are asked for and the head counts differ
 */
export function attentionForm(
  form: AttentionForm | 'auto',
  heads: { student: number; teacher: number },
): AttentionForm {
  const equal = heads.student === heads.teacher
  if (form === 'scores' && !equal) {
    throw new InvalidConfiguration(
      'attention.form',
      `scores are compared head by head, and the student has ${heads.student} heads, the teacher ${heads.teacher}; ` +
        'use head_mean or auto',
    )
  }
  return form === 'auto' ? (equal ? 'scores' : 'head_mean') : form
}

/** The mean of attentionScoreLoss over pairs of layers, as a term of a weighted sum. */
export function attentionScoreTerm(weight: number, pairs: readonly LayerPair[], form: AttentionForm): Term {
  return {
    name: 'attention',
    weight,
    inside: { attention: true },
    compute(inputs) {
      const attentionMask = batchField<tf.Tensor2D>(inputs.batch, 'attentionMask')
      const losses = pairs.map((pair) => {
        const [student, teacher] = tracePair(inputs, pair)
        return attentionScoreLoss(student.scores, teacher.scores, attentionMask, form)
      })
      return tf.mul(tf.addN(losses), 1 / losses.length)
    },
  }
}
