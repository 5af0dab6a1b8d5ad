/**
 * The training step: encoder forward, loss, gradients, clipping, AdamW. A StepFunction of the engine: pure, so that it can
 * be traced to a program as well as run eagerly.
 */
import * as tf from '@tensorflow/tfjs'
import { ShapeMismatch } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { HostTensors } from '../../src/family/tensor.js'
import type { HeldState, InferenceFunction, StepFunction, StepResult, Tensors } from '../engine/types.js'
import type { Loss } from '../losses/loss.js'
import { type EncoderBatch, encode } from '../nn/encoder.js'
import { type AdamWSettings, adamWInit, adamWStep } from './adamw.js'
import { forUse, held, type ParameterGroup, parameterGroups, released } from './held-parameters.js'
import { castTogether } from './joined-tensors.js'
import { initialLossScale, LOSS_SCALE, nextLossScale, withoutLossScale } from './loss-scale.js'

export interface TrainStepOptions {
  readonly config: EncoderConfig
  readonly loss: Loss
  readonly optimiser: AdamWSettings
  /** needs the batch field `noise`; no dropout unless told otherwise */
  readonly dropout?: { readonly rate: number; readonly attentionRate?: number }
  /** micro-batches that a batch is split into, whose gradients are averaged; divides the batch size. 1 unless told otherwise */
  readonly accumulation?: number
}

/** Batch fields that belong to the step, not to an example. */
const STEP_FIELDS = new Set(['learningRate', 'noise'])

const PARAMETER_PREFIX = 'p/'

/**
 * @returns a step over the state of initialTrainState and batches of `inputIds` and `attentionMask` (int32 [batch, tokens]),
 * `learningRate` (float32 []), `noise` (float32 [NOISE_LENGTH], with dropout), and what the loss needs. Outputs: `loss`,
 * `gradientNorm` (before clipping) and a `loss/<part>` for every part, all scalars, means over the batch; with loss scaling
 * also `lossScale`, which the step used.
 */
export function makeTrainStep(options: TrainStepOptions): StepFunction {
  const hold = (state: Tensors) => heldState(state, options)
  const step = (state: Tensors, batch: Tensors, frozen: Tensors) => {
    const held = hold(state)
    const { state: next, outputs } = held.step(held.state, batch, frozen)
    return { state: held.release(next), outputs }
  }
  return Object.assign(step, { hold })
}

/** What the state holds of every parameter. */
const PREFIXES = [PARAMETER_PREFIX, 'm/', 'v/']

/** @param state as initialTrainState makes it */
function heldState(state: Tensors, options: TrainStepOptions): HeldState {
  const groups = parameterGroups(trainedParameters(state), options.optimiser)
  const changed = (from: Tensors, change: typeof held): Tensors =>
    Object.assign(scalarsOf(from), ...PREFIXES.map((prefix) => change(from, groups, prefix)))
  return {
    state: changed(state, held),
    step: (current, batch, frozen) => stepOfGroups(groups, options, { state: current, batch, frozen }),
    release: (current) => changed(current, released),
  }
}

/** Counters and factors: whatever belongs to no parameter. */
function scalarsOf(state: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(state).filter(([name]) => !PREFIXES.some((prefix) => name.startsWith(prefix))),
  )
}

function stepOfGroups(
  groups: readonly ParameterGroup[],
  options: TrainStepOptions,
  { state, batch, frozen }: { state: Tensors; batch: Tensors; frozen: Tensors },
): StepResult {
  const { config, loss, optimiser, dropout, accumulation = 1 } = options
  const parameters = trainedParameters(state)
  const used = forUse(parameters, groups)
  const constants = castTogether(frozen)
  const lossScale = state[LOSS_SCALE] as tf.Scalar | undefined
  const total = new Accumulator(accumulation)
  for (let index = 0; index < accumulation; index++) {
    const micro = microBatch(batch, index, accumulation)
    const pass = { index, count: accumulation }
    total.add(
      gradientsOf(used, lossScale, (trained) => {
        const noise = batch.noise as tf.Tensor1D
        const outputs = encode(trained, config, micro as Tensors & EncoderBatch, {
          dropout: dropout && { ...dropout, noise, pass },
          ...(loss.collect && { collect: loss.collect }),
        })
        const { total, parts } = loss.compute({ outputs, batch: micro, frozen: constants, parameters: trained })
        return { loss: total, ...prefixed('loss/', parts) }
      }),
    )
  }
  const { outputs, gradients } = total
  const next = adamWStep(optimiser, {
    parameters,
    gradients,
    state: withoutLossScale(optimiserState(state)),
    groups,
    learningRate: batch.learningRate as tf.Scalar,
    lossScale,
  })
  return {
    state: {
      ...prefixed(PARAMETER_PREFIX, next.parameters),
      ...next.state,
      ...(next.finite && nextLossScale(state, next.finite)),
    },
    outputs: { ...outputs, gradientNorm: next.gradientNorm, ...(lossScale && { lossScale }) },
  }
}

/**
 * The state before the first step: `p/<name>` for every parameter, and the optimiser's.
 * @param lossScaling for engines of float16 precision: the loss is differentiated times a factor that the state carries, which
 * halves when gradients overflow (that step changes nothing else) and doubles after many steps without
 */
export function initialTrainState(parameters: HostTensors, { lossScaling = false } = {}): HostTensors {
  return {
    ...prefixed(PARAMETER_PREFIX, parameters),
    ...adamWInit(parameters),
    ...(lossScaling && initialLossScale()),
  }
}

/** @returns the parameters in a train state, by their own names */
export function trainedParameters<T>(state: Record<string, T>): Record<string, T> {
  const entries = Object.entries(state).filter(([name]) => name.startsWith(PARAMETER_PREFIX))
  return Object.fromEntries(entries.map(([name, tensor]) => [name.slice(PARAMETER_PREFIX.length), tensor]))
}

function optimiserState(state: Tensors): Tensors {
  return Object.fromEntries(Object.entries(state).filter(([name]) => !name.startsWith(PARAMETER_PREFIX)))
}

/** Inference over `inputIds` and `attentionMask`: `logits` [batch, labels]. */
export function makeInference(config: EncoderConfig): InferenceFunction {
  return (parameters, batch) => ({ logits: encode(parameters, config, batch as Tensors & EncoderBatch).logits })
}

interface Differentiated {
  /** `loss` and whatever else the function returned, scalars */
  readonly outputs: Tensors
  /** by parameter name; none for a parameter that the loss does not depend on */
  readonly gradients: Tensors
}

/** @param compute gives `loss`, which is differentiated (times lossScale), and other scalars beside it */
function gradientsOf(
  parameters: Tensors,
  lossScale: tf.Scalar | undefined,
  compute: (parameters: Tensors) => Tensors,
): Differentiated {
  const names = Object.keys(parameters)
  const kept: Tensors = {}
  const { grads } = tf.engine().gradients(
    () => {
      const outputs = compute(parameters)
      // the scope that tfjs differentiates in would dispose of them
      for (const [name, tensor] of Object.entries(outputs)) kept[name] = tf.keep(tf.clone(tensor))
      return lossScale ? tf.mul(outputs.loss!, lossScale) : outputs.loss!
    },
    names.map((name) => parameters[name]!),
  )
  const outputs = Object.entries(kept).map(([name, tensor]) => {
    const copy = tf.clone(tensor)
    tensor.dispose()
    return [name, copy] as const
  })
  const found = names.flatMap((name, index) => (grads[index] ? [[name, grads[index]] as const] : []))
  return { outputs: Object.fromEntries(outputs), gradients: Object.fromEntries(found) }
}

/** The mean over micro-batches of equal size. */
class Accumulator implements Differentiated {
  outputs: Tensors = {}
  gradients: Tensors = {}

  constructor(private readonly count: number) {}

  add({ outputs, gradients }: Differentiated): void {
    this.outputs = this.sum(this.outputs, outputs)
    this.gradients = this.sum(this.gradients, gradients)
  }

  private sum(sums: Tensors, terms: Tensors): Tensors {
    if (this.count === 1) return terms
    const shared = Object.entries(terms).map(([name, term]) => {
      const share = tf.mul(term, 1 / this.count)
      return [name, sums[name] === undefined ? share : tf.add(sums[name], share)] as const
    })
    return { ...sums, ...Object.fromEntries(shared) }
  }
}

function microBatch(batch: Tensors, index: number, count: number): Tensors {
  if (count === 1) return batch
  const size = batch.inputIds!.shape[0]!
  if (size % count !== 0) {
    throw new ShapeMismatch(
      `a batch of ${size} cannot be split into ${count} equal parts; make it a multiple of ${count}`,
    )
  }
  const rows = size / count
  const part = (tensor: tf.Tensor) => {
    const begin = [index * rows, ...tensor.shape.slice(1).map(() => 0)]
    return tf.slice(tensor, begin, [rows, ...tensor.shape.slice(1)])
  }
  return Object.fromEntries(
    Object.entries(batch).map(([name, tensor]) => [name, STEP_FIELDS.has(name) ? tensor : part(tensor)]),
  )
}

function prefixed<T>(prefix: string, tensors: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]))
}
