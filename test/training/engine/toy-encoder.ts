/** A two-layer encoder with its training step, small enough for tfjs' CPU backend. */
import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import { parameterSpecs } from '../../../src/family/parameters.js'
import { elementCount, type HostTensor, type HostTensors } from '../../../src/family/tensor.js'
import type { InferenceFunction, StepFunction, Tensors } from '../../../training/engine/types.js'
import { crossEntropy } from '../../../training/losses/cross-entropy.js'
import { NOISE_LENGTH } from '../../../training/nn/dropout.js'
import { encode } from '../../../training/nn/encoder.js'

export const toyConfig: EncoderConfig = {
  vocabSize: 40,
  hiddenSize: 16,
  layers: 2,
  heads: 2,
  intermediateSize: 32,
  maxPositions: 16,
  typeVocabSize: 2,
  layerNormEpsilon: 1e-12,
  padTokenId: 0,
  activation: 'gelu',
  pooling: 'cls',
  pooler: 'tanh',
  labels: 2,
}

/** A generator of uniform numbers on [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function floats(shape: readonly number[], make: () => number): HostTensor {
  return { shape, values: Float32Array.from({ length: elementCount(shape) }, make) }
}

export function integers(shape: readonly number[], make: () => number): HostTensor {
  return { shape, values: Int32Array.from({ length: elementCount(shape) }, make) }
}

export function toyParameters(seed = 1): HostTensors {
  const random = seeded(seed)
  return Object.fromEntries(
    parameterSpecs(toyConfig).map(({ name, shape, kind }) => [
      name,
      floats(shape, () => (kind === 'norm-scale' ? 1 : 0) + (random() - 0.5) * 0.4),
    ]),
  )
}

/** Parameters and AdamW's moments under the names `p.*`, `m.*`, `v.*`, and the step count. */
export function toyState(seed = 1): HostTensors {
  const state: HostTensors = { step: { shape: [], values: Float32Array.of(0) } }
  for (const [name, tensor] of Object.entries(toyParameters(seed))) {
    state[`p.${name}`] = tensor
    state[`m.${name}`] = floats(tensor.shape, () => 0)
    state[`v.${name}`] = floats(tensor.shape, () => 0)
  }
  return state
}

export function toyBatch(seed: number, rows = 3, tokens = 8): HostTensors {
  const random = seeded(seed)
  const inputIds = integers([rows, tokens], () => 1 + Math.floor(random() * (toyConfig.vocabSize - 1)))
  let position = 0
  return {
    inputIds,
    attentionMask: integers([rows, tokens], () => (position++ % tokens < tokens - 2 ? 1 : 0)),
    labels: integers([rows], () => Math.floor(random() * 2)),
    noise: floats([NOISE_LENGTH], random),
  }
}

/** Cross-entropy with dropout, global-norm clipping and AdamW; every gradient is an output. */
export const toyStep: StepFunction = (state, batch) => {
  const names = Object.keys(state)
    .filter((name) => name.startsWith('p.'))
    .map((name) => name.slice(2))
  const parameters = names.map((name) => state[`p.${name}`]!)
  const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => toyLoss(named(names, given), batch))(parameters)
  const squares = grads.map((gradient) => tf.sum(tf.square(gradient)))
  const norm = tf.sqrt(tf.addN(squares))
  const shrink = tf.minimum(tf.div(1, tf.add(norm, 1e-6)), 1)
  const step = tf.add(state.step!, 1)
  const next: Tensors = { step }
  const outputs: Tensors = { loss: value, norm }
  names.forEach((name, index) => {
    const gradient = grads[index]!
    outputs[`gradient.${name}`] = gradient
    Object.assign(next, adamW(name, state, tf.mul(gradient, shrink), step))
  })
  return { state: next, outputs }
}

function adamW(name: string, state: Tensors, gradient: tf.Tensor, step: tf.Tensor): Tensors {
  const parameter = state[`p.${name}`]!
  const m = tf.add(tf.mul(state[`m.${name}`]!, 0.9), tf.mul(gradient, 0.1))
  const v = tf.add(tf.mul(state[`v.${name}`]!, 0.999), tf.mul(tf.square(gradient), 0.001))
  const mHat = tf.div(m, tf.sub(1, tf.pow(0.9, step)))
  const vHat = tf.div(v, tf.sub(1, tf.pow(0.999, step)))
  const update = tf.add(tf.div(mHat, tf.add(tf.sqrt(vHat), 1e-8)), tf.mul(parameter, 0.01))
  return { [`p.${name}`]: tf.sub(parameter, tf.mul(update, 1e-2)), [`m.${name}`]: m, [`v.${name}`]: v }
}

function toyLoss(parameters: Tensors, batch: Tensors): tf.Scalar {
  const { logits } = encode(
    parameters,
    toyConfig,
    { inputIds: batch.inputIds as tf.Tensor2D, attentionMask: batch.attentionMask as tf.Tensor2D },
    { dropout: { rate: 0.1, noise: batch.noise as tf.Tensor1D } },
  )
  return crossEntropy(logits, batch.labels as tf.Tensor1D)
}

function named(names: readonly string[], tensors: readonly tf.Tensor[]): Tensors {
  return Object.fromEntries(names.map((name, index) => [name, tensors[index]!]))
}

export const toyInference: InferenceFunction = (parameters, batch) => {
  const { logits, pooled } = encode(parameters, toyConfig, {
    inputIds: batch.inputIds as tf.Tensor2D,
    attentionMask: batch.attentionMask as tf.Tensor2D,
  })
  return { logits, pooled }
}
