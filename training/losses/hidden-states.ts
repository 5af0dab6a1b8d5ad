import * as tf from '@tensorflow/tfjs'
import type { LayerPair } from './layer-map.js'
import { batchField } from './loss.js'
import { maskedSquaredError } from './masked-squared-error.js'
import { projections, type Widths } from './projection.js'
import { statePair, type Term } from './term.js'
import { tokenMask } from './token-mask.js'

/**
 * Hidden-state loss: mean squared error between a student's state, projected where widths differ, and its teacher's, over
 * real tokens and hidden units.
 * @param student [batch, tokens, hidden], as wide as the teacher
 * @param teacher [batch, tokens, hidden]; constant
 * @param attentionMask int32 [batch, tokens]; padding counts for nothing
 * @returns scalar
 * @throws ShapeMismatch when the shapes differ
 * @see Romero et al. 2015 (FitNets), equation 3; Jiao et al. 2020 (TinyBERT), equations 8 and 9
 */
export function hiddenStateLoss(student: tf.Tensor3D, teacher: tf.Tensor3D, attentionMask: tf.Tensor2D): tf.Scalar {
  return maskedSquaredError(student, teacher, tokenMask(attentionMask))
}

/** The mean of hiddenStateLoss over pairs of layers, as a term of a weighted sum. */
export function hiddenStateTerm(weight: number, pairs: readonly LayerPair[], widths: Widths): Term {
  const projected = projections('hidden', pairs, widths)
  return {
    name: 'hidden',
    weight,
    inside: { hiddenStates: true },
    initialParameters: projected.initialParameters,
    compute(inputs) {
      const attentionMask = batchField<tf.Tensor2D>(inputs.batch, 'attentionMask')
      const losses = pairs.map((pair) => {
        const [student, teacher] = statePair(inputs, pair)
        return hiddenStateLoss(projected.apply(inputs.parameters, pair, student), teacher, attentionMask)
      })
      return tf.mul(tf.addN(losses), 1 / losses.length)
    },
  }
}
