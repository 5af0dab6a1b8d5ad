import * as tf from '@tensorflow/tfjs'
import type { LayerPair } from './layer-map.js'
import { projections, type Widths } from './projection.js'
import { assertSameShape } from './softmax-cross-entropy.js'
import { statePair, type Term } from './term.js'

/** keeps the norm's gradient finite at 0 */
const SMALLEST_SQUARED_NORM = 1e-12

/**
 * Patient distillation: squared distance of the L2-normalised [CLS] states, batch mean, in [0, 4]. It is the paper's, a sum
 * over hidden units; their mean would shrink with the width.
 * @param student [batch, hidden], as wide as the teacher
 * @param teacher [batch, hidden]; constant
 * @returns scalar
 * @throws ShapeMismatch when the shapes differ
 * @see Sun et al. 2019 (patient knowledge distillation), equation 7
 */
export function clsStateLoss(student: tf.Tensor2D, teacher: tf.Tensor2D): tf.Scalar {
  assertSameShape(student, teacher, '[CLS] states')
  const difference = tf.sub(normalised(student), normalised(teacher))
  return tf.mul(tf.sum(tf.square(difference)), 1 / student.shape[0])
}

/** The mean of clsStateLoss over pairs of layers, as a term of a weighted sum. */
export function clsStateTerm(weight: number, pairs: readonly LayerPair[], widths: Widths): Term {
  const projected = projections('cls', pairs, widths)
  return {
    name: 'cls',
    weight,
    inside: { hiddenStates: true },
    initialParameters: projected.initialParameters,
    compute(inputs) {
      const losses = pairs.map((pair) => {
        const [student, teacher] = statePair(inputs, pair)
        return clsStateLoss(projected.apply(inputs.parameters, pair, firstToken(student)), firstToken(teacher))
      })
      return tf.mul(tf.addN(losses), 1 / losses.length)
    },
  }
}

function firstToken(states: tf.Tensor3D): tf.Tensor2D {
  const [batch, , hidden] = states.shape
  return tf.reshape(tf.slice(states, [0, 0, 0], [batch, 1, hidden]), [batch, hidden])
}

function normalised(states: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.sum(tf.square(states), -1, true)
  return tf.div(states, tf.sqrt(tf.maximum(squares, SMALLEST_SQUARED_NORM)))
}
