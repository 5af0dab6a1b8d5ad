/**
 * AdamW on named tensors, as tfjs ops: decoupled weight decay, bias correction, clipping by the global gradient norm.
 * @see Loshchilov and Hutter 2019, algorithm 2; torch.optim.AdamW and torch.nn.utils.clip_grad_norm_ for the arithmetic
 */
import * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../src/family/tensor.js'
import type { Tensors } from '../engine/types.js'

export interface AdamWSettings {
  /** 0.9 unless told otherwise */
  readonly beta1?: number
  /** 0.999 unless told otherwise */
  readonly beta2?: number
  /** added to the root of the second moment; 1e-8 unless told otherwise */
  readonly epsilon?: number
  /** 0.01 unless told otherwise */
  readonly weightDecay?: number
  /** gradients are scaled down to this global norm; 1 unless told otherwise, Infinity never clips */
  readonly clipNorm?: number
  /** whether weight decay applies to a parameter: not to biases and LayerNorms */
  readonly decays: (name: string) => boolean
  /** scales a parameter's learning rate; 1 unless told otherwise */
  readonly learningRateFactor?: (name: string) => number
}

export interface AdamWArguments {
  readonly parameters: Tensors
  /** by parameter name; a parameter without one stays as it is */
  readonly gradients: Tensors
  /** what adamWInit or the step before gave */
  readonly state: Tensors
  /** scalar, so that a schedule needs no new program */
  readonly learningRate: tf.Scalar
}

export interface AdamWResult {
  readonly parameters: Tensors
  readonly state: Tensors
  /** scalar: the global gradient norm before clipping */
  readonly gradientNorm: tf.Scalar
}

/** as clip_grad_norm_ adds to the norm */
const NORM_EPSILON = 1e-6

/**
 * The optimiser's state before its first step: `step`, the bias corrections `correction/1` and `correction/2` (1 − βᵗ),
 * and zero moments `m/<name>` and `v/<name>` for every parameter.
 */
export function adamWInit(parameters: HostTensors): HostTensors {
  const scalar = () => ({ shape: [], values: new Float32Array(1) })
  const state: HostTensors = { step: scalar(), 'correction/1': scalar(), 'correction/2': scalar() }
  for (const [name, { shape, values }] of Object.entries(parameters)) {
    state[`m/${name}`] = { shape, values: new Float32Array(values.length) }
    state[`v/${name}`] = { shape, values: new Float32Array(values.length) }
  }
  return state
}

/**
 * One step. With s = min(1, clipNorm / norm), c₁ and c₂ the bias corrections and η the learning rate:
 * m ← β₁m + (1−β₁)s·g, v ← β₂v + (1−β₂)(s·g)², p ← (1−ηλ)p − (η√c₂/c₁) · m / (√v + ε√c₂). Everything that does not depend on
 * the parameter is folded into one scalar.
 */
export function adamWStep(settings: AdamWSettings, args: AdamWArguments): AdamWResult {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01, clipNorm = 1 } = settings
  const { parameters, gradients, state, learningRate } = args
  const names = Object.keys(parameters)
  const updated = names.filter((name) => gradients[name] !== undefined)
  const squares = new Map(updated.map((name) => [name, tf.square(gradients[name]!)]))
  const gradientNorm = tf.sqrt(tf.addN(updated.map((name) => tf.sum(squares.get(name)!)))) as tf.Scalar
  const scale = clipNorm === Number.POSITIVE_INFINITY ? tf.scalar(1) : clipScale(gradientNorm, clipNorm)

  // 1 − βᵗ by its own recursion: computed as a difference it would lose half of float32's digits in the first steps
  const correction1 = tf.add(tf.mul(state['correction/1']!, beta1), 1 - beta1)
  const correction2 = tf.add(tf.mul(state['correction/2']!, beta2), 1 - beta2)
  const rootCorrection2 = tf.sqrt(correction2)
  const scaledEpsilon = tf.mul(rootCorrection2, epsilon)
  const firstWeight = tf.mul(scale, 1 - beta1)
  const secondWeight = tf.mul(tf.square(scale), 1 - beta2)
  const rates = ratesByFactor(learningRate, tf.div(rootCorrection2, correction1), weightDecay)

  const next: AdamWResult = {
    parameters: {},
    state: { step: tf.add(state.step!, 1), 'correction/1': correction1, 'correction/2': correction2 },
    gradientNorm,
  }
  for (const name of names) {
    const parameter = parameters[name]!
    const [firstMoment, secondMoment] = [state[`m/${name}`]!, state[`v/${name}`]!]
    if (gradients[name] === undefined) {
      next.parameters[name] = parameter
      next.state[`m/${name}`] = firstMoment
      next.state[`v/${name}`] = secondMoment
      continue
    }
    const m = tf.add(tf.mul(firstMoment, beta1), tf.mul(gradients[name]!, firstWeight))
    const v = tf.add(tf.mul(secondMoment, beta2), tf.mul(squares.get(name)!, secondWeight))
    const { stepSize, retained } = rates(settings.learningRateFactor?.(name) ?? 1)
    const step = tf.mul(tf.div(m, tf.add(tf.sqrt(v), scaledEpsilon)), stepSize)
    const decayed = weightDecay > 0 && settings.decays(name) ? tf.mul(parameter, retained) : parameter
    next.parameters[name] = tf.sub(decayed, step)
    next.state[`m/${name}`] = m
    next.state[`v/${name}`] = v
  }
  return next
}

function clipScale(norm: tf.Scalar, clipNorm: number): tf.Scalar {
  return tf.minimum(tf.div(clipNorm, tf.add(norm, NORM_EPSILON)), 1)
}

/** The scalars that depend on a parameter's learning-rate factor alone, made once a factor. */
function ratesByFactor(learningRate: tf.Scalar, correction: tf.Tensor, weightDecay: number) {
  const known = new Map<number, { stepSize: tf.Tensor; retained: tf.Tensor }>()
  return (factor: number) => {
    const rates = known.get(factor) ?? {
      stepSize: tf.mul(tf.mul(learningRate, correction), factor),
      retained: tf.sub(1, tf.mul(learningRate, factor * weightDecay)),
    }
    known.set(factor, rates)
    return rates
  }
}
