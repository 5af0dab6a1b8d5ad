/**
 * Dynamic loss scaling. float16 has no numbers below 6e-8: gradients are computed of a multiple of the loss and divided by
 * it in float32. Too large a multiple overflows; such a step is skipped.
 * @see Micikevicius et al. 2018, section 3.2; torch.amp.GradScaler for the policy
 */
import * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../src/family/tensor.js'
import type { Tensors } from '../engine/types.js'

/** The state's name of the multiple. */
export const LOSS_SCALE = 'lossScale'
const GOOD_STEPS = 'lossScale/goodSteps'

const INITIAL = 2 ** 15
const LARGEST = 2 ** 24
/** steps without overflow after which the scale doubles */
const GROWTH_INTERVAL = 1000

/** @returns `lossScale` and the number of steps since it last changed, scalars */
export function initialLossScale(): HostTensors {
  return {
    [LOSS_SCALE]: { shape: [], values: Float32Array.of(INITIAL) },
    [GOOD_STEPS]: { shape: [], values: Float32Array.of(0) },
  }
}

/** @param finite bool scalar: whether the step's gradients were. @returns the two tensors after the step */
export function nextLossScale(state: Tensors, finite: tf.Scalar): Tensors {
  const scale = state[LOSS_SCALE]!
  const good = tf.add(state[GOOD_STEPS]!, 1)
  const due = tf.greaterEqual(good, GROWTH_INTERVAL)
  const grown = tf.where(due, tf.minimum(tf.mul(scale, 2), LARGEST), scale)
  return {
    [LOSS_SCALE]: tf.where(finite, grown, tf.maximum(tf.mul(scale, 0.5), 1)),
    [GOOD_STEPS]: tf.where(tf.logicalAnd(finite, tf.logicalNot(due)), good, tf.scalar(0)),
  }
}

/** @returns a saved state with a loss scale, also if it was saved by a run that had none */
export function withLossScale(state: HostTensors): HostTensors {
  return { ...initialLossScale(), ...state }
}

export function withoutLossScale(state: Tensors): Tensors {
  const { [LOSS_SCALE]: _scale, [GOOD_STEPS]: _good, ...rest } = state
  return rest
}
