/**
 * AdamW on named tensors, as tfjs ops: decoupled weight decay, bias correction, clipping by the global gradient norm.
 * @see Loshchilov and Hutter 2019, algorithm 2; torch.optim.AdamW and torch.nn.utils.clip_grad_norm_ for the arithmetic
 */
import * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../src/family/tensor.js'
import type { Tensors } from '../engine/types.js'
import { fullPrecision } from '../nn/offered-kernels.js'
import { type ParameterGroup, parameterGroups } from './held-parameters.js'
import { joined, parted } from './joined-tensors.js'

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
  /** by the names of the groups */
  readonly parameters: Tensors
  /** by parameter name; a parameter without one stays as it is */
  readonly gradients: Tensors
  /** what adamWInit or the step before gave, moments held as the parameters are */
  readonly state: Tensors
  /** how parameters and moments are held; every one by itself unless told otherwise */
  readonly groups?: readonly ParameterGroup[]
  /** scalar, so that a schedule needs no new program */
  readonly learningRate: tf.Scalar
  /** scalar: what the gradients were multiplied by; a step whose gradients are not finite then changes nothing */
  readonly lossScale?: tf.Scalar | undefined
}

export interface AdamWResult {
  readonly parameters: Tensors
  readonly state: Tensors
  /** scalar: the global gradient norm before clipping; not finite where gradients are not */
  readonly gradientNorm: tf.Scalar
  /** bool scalar, with a loss scale: whether the gradients were finite */
  readonly finite?: tf.Scalar
}

const LARGEST_FLOAT32 = 3.4028234663852886e38

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
 * the parameter is folded into one scalar; a skipped step is one whose scalars change nothing.
 */
export function adamWStep(settings: AdamWSettings, args: AdamWArguments): AdamWResult {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01, clipNorm = 1 } = settings
  const { parameters, state, learningRate, lossScale } = args
  const groups = (args.groups ?? groupsOfOne(parameters, settings)).flatMap((group) => {
    const updated = group.members.map((name) => args.gradients[name]).filter((gradient) => gradient !== undefined)
    return updated.length === 0 ? [] : [{ ...group, gradient: fullPrecision(joined(updated)) }]
  })
  const scaledNorm = tf.sqrt(tf.addN(groups.map(({ gradient }) => sumOfSquares(gradient)))) as tf.Scalar
  const gradientNorm = lossScale ? tf.div<tf.Scalar>(scaledNorm, lossScale) : scaledNorm
  // false for NaN too, and one operator that every provider has
  const finite = lossScale && (tf.lessEqual(scaledNorm, LARGEST_FLOAT32) as tf.Scalar)
  /** the value of a step that counts, or what a skipped one has in its place */
  const unlessSkipped = (value: tf.Tensor | number, skipped: tf.Tensor | number): tf.Tensor =>
    finite ? tf.where(finite, asTensor(value), asTensor(skipped)) : asTensor(value)
  const clip = clipNorm === Number.POSITIVE_INFINITY ? tf.scalar(1) : clipScale(gradientNorm, clipNorm)
  const scale = lossScale ? tf.div(clip, lossScale) : clip

  // 1 − βᵗ by its own recursion: computed as a difference it would lose half of float32's digits in the first steps
  const [before1, before2] = [state['correction/1']!, state['correction/2']!]
  const correction1 = unlessSkipped(tf.add(tf.mul(before1, beta1), 1 - beta1), before1)
  const correction2 = unlessSkipped(tf.add(tf.mul(before2, beta2), 1 - beta2), before2)
  const rootCorrection2 = tf.sqrt(correction2)
  const moments = {
    retained1: unlessSkipped(beta1, 1),
    retained2: unlessSkipped(beta2, 1),
    weight1: unlessSkipped(tf.mul(scale, 1 - beta1), 0),
    weight2: unlessSkipped(tf.mul(tf.square(scale), 1 - beta2), 0),
    // not 0: before the first step that counts, nothing else keeps the divisor from it
    epsilon: unlessSkipped(tf.mul(rootCorrection2, epsilon), 1),
  }
  // before the first step that counts both corrections are 0
  const correction = unlessSkipped(tf.div(rootCorrection2, correction1), 0)
  const rates = ratesByFactor(unlessSkipped(learningRate, 0), correction, weightDecay)

  const next: AdamWResult = {
    parameters: { ...parameters },
    state: { ...state, step: unlessSkipped(tf.add(state.step!, 1), state.step!) },
    gradientNorm,
    ...(finite && { finite }),
  }
  next.state['correction/1'] = correction1
  next.state['correction/2'] = correction2
  for (const { gradient, ...group } of groups) {
    const { stepSize, retained } = rates(group.factor)
    const kept = weightDecay > 0 && group.decays ? retained : undefined
    const [m, v] = [`m/${group.name}`, `v/${group.name}`]
    const moving = { parameter: parameters[group.name]!, m: state[m]!, v: state[v]! }
    const result = partly(group, args.gradients, moving, (learning) =>
      update(
        { ...learning, gradient: finite ? tf.where(finite, gradient, tf.scalar(0)) : gradient },
        { ...moments, stepSize, retained: kept },
      ),
    )
    next.parameters[group.name] = result.parameter
    next.state[m] = result.m
    next.state[v] = result.v
  }
  return next
}

/** Applies an update to those of a group's members that have a gradient. */
function partly(
  { members, shapes }: ParameterGroup,
  gradients: Tensors,
  moving: Moving,
  change: (learning: Moving) => Moving,
): Moving {
  const learns = members.map((name) => gradients[name] !== undefined)
  if (!learns.includes(false)) return change(moving)
  const learning = <T>(all: readonly T[]): T[] => all.filter((_, index) => learns[index])
  const changed = change(eachOf(moving, (tensor) => joined(learning(parted(tensor, shapes)))))
  return eachOf(moving, (tensor, of) => {
    const after = parted(changed[of], learning(shapes)).values()
    return joined(parted(tensor, shapes).map((before, index) => (learns[index] ? after.next().value! : before)))
  })
}

interface Moving {
  readonly parameter: tf.Tensor
  readonly m: tf.Tensor
  readonly v: tf.Tensor
}

function eachOf(moving: Moving, change: (tensor: tf.Tensor, of: keyof Moving) => tf.Tensor): Moving {
  return {
    parameter: change(moving.parameter, 'parameter'),
    m: change(moving.m, 'm'),
    v: change(moving.v, 'v'),
  }
}

interface Coefficients {
  readonly retained1: tf.Tensor
  readonly retained2: tf.Tensor
  readonly weight1: tf.Tensor
  readonly weight2: tf.Tensor
  readonly epsilon: tf.Tensor
  readonly stepSize: tf.Tensor
  /** what weight decay leaves of a parameter; undefined: all of it */
  readonly retained: tf.Tensor | undefined
}

function update(moving: Moving & { gradient: tf.Tensor }, by: Coefficients): Moving {
  const m = tf.add(tf.mul(moving.m, by.retained1), tf.mul(moving.gradient, by.weight1))
  const v = tf.add(tf.mul(moving.v, by.retained2), tf.mul(tf.square(moving.gradient), by.weight2))
  const step = tf.mul(tf.div(m, tf.add(tf.sqrt(v), by.epsilon)), by.stepSize)
  const decayed = by.retained ? tf.mul(moving.parameter, by.retained) : moving.parameter
  return { parameter: tf.sub(decayed, step), m, v }
}

function groupsOfOne(parameters: Tensors, settings: AdamWSettings): ParameterGroup[] {
  return Object.entries(parameters).flatMap(([name, tensor]) => parameterGroups({ [name]: tensor }, settings))
}

/** Rows first: GPUs sum a matrix in one go far more slowly. */
function sumOfSquares(x: tf.Tensor): tf.Tensor {
  const squares = tf.square(x)
  return x.rank > 1 ? tf.sum(tf.sum(squares, -1)) : tf.sum(squares)
}

function asTensor(value: tf.Tensor | number): tf.Tensor {
  return typeof value === 'number' ? tf.scalar(value) : value
}

function clipScale(norm: tf.Scalar, clipNorm: number): tf.Scalar {
  return tf.minimum(tf.div(clipNorm, tf.add(norm, NORM_EPSILON)), 1)
}

/** The scalars that depend on a parameter's learning-rate factor alone, made once a factor. */
function ratesByFactor(learningRate: tf.Tensor, correction: tf.Tensor, weightDecay: number) {
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
