/**
 * The BERT encoder with its classifier, as a pure function over tfjs ops. Shapes alone decide its control flow, no value is
 * read and nothing random is drawn, so that it runs eagerly on any tfjs backend and under the tracing backend alike.
 * @see Devlin et al. 2019; Sanh et al. 2019 for the DistilBERT form (typeVocabSize 0, relu pooler)
 */
import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { layerPrefix } from '../../src/family/parameters.js'
import type { Tensors } from '../engine/types.js'
import { activation } from './activations.js'
import { type AttentionTrace, paddingBias, selfAttention } from './attention.js'
import { createDropout, type Dropout } from './dropout.js'
import { embed } from './embeddings.js'
import { layerNorm } from './layer-norm.js'
import { linear, parameter } from './linear.js'
import { pool } from './pooling.js'

export interface EncoderBatch {
  /** int32 [batch, tokens] */
  readonly inputIds: tf.Tensor2D
  /** int32 [batch, tokens], 1 for real tokens and 0 for padding */
  readonly attentionMask: tf.Tensor2D
}

export interface EncoderDropout {
  /** of embeddings, layer outputs and the pooled vector; BERT has 0.1 */
  readonly rate: number
  /** of attention weights; the same rate unless told otherwise */
  readonly attentionRate?: number
  /** float32 [NOISE_LENGTH], uniform on [0, 1), drawn by the host for this step */
  readonly noise: tf.Tensor1D
  /** which of how many forward passes over the same noise this is (gradient accumulation); 0 of 1 */
  readonly pass?: { readonly index: number; readonly count: number }
}

/** What the forward pass should hand out beside the logits. */
export interface Collect {
  readonly hiddenStates?: boolean
  readonly attention?: boolean
}

export interface EncoderOutputs {
  /** [batch, labels] */
  readonly logits: tf.Tensor2D
  /** [batch, hidden], what the classifier sees, before dropout */
  readonly pooled: tf.Tensor2D
  /** layers + 1 tensors [batch, tokens, hidden], the embeddings first */
  readonly hiddenStates?: readonly tf.Tensor3D[]
  /** one a layer */
  readonly attention?: readonly AttentionTrace[]
}

/**
 * @param parameters those of parameterSpecs(config); others are ignored
 * @throws ShapeMismatch when the batch has more tokens than the config has positions, or more rows than dropout has noise
 */
export function encode(
  parameters: Tensors,
  config: EncoderConfig,
  batch: EncoderBatch,
  options: {
    readonly dropout?: EncoderDropout | undefined
    readonly collect?: Collect
    /** [batch · tokens, hidden], in place of embedding `inputIds`, whose shape alone counts then */
    readonly embedded?: tf.Tensor2D
  } = {},
): EncoderOutputs {
  const { inputIds, attentionMask } = batch
  const [rows, tokens] = inputIds.shape
  const drop = dropoutSites(config, options.dropout)
  const stateLayout = { groups: rows, rows: tokens, columns: config.hiddenSize }
  const feedForward = activation(config.activation)
  const normalise = (x: tf.Tensor2D, name: string) =>
    layerNorm(
      x,
      parameter(parameters, `${name}.weight`),
      parameter(parameters, `${name}.bias`),
      config.layerNormEpsilon,
    )

  /** residual + dropout(linear(input)) */
  const linearOnto = (residual: tf.Tensor2D, name: string, input: tf.Tensor2D): tf.Tensor2D => {
    if (drop === undefined) return tf.add(linear(parameters, name, input), residual)
    const kernel = parameter<tf.Tensor2D>(parameters, `${name}.weight`)
    const bias = parameter(parameters, `${name}.bias`)
    return drop.masks.applyBetween({ input, kernel, bias, residual }, stateLayout, drop.rate)
  }

  const bias = paddingBias(attentionMask)
  let x = options.embedded ?? embed(parameters, config, inputIds) // [batch · tokens, hidden]
  if (drop !== undefined) x = drop.masks.apply(x, stateLayout, drop.rate)
  const states = [x]
  const attention: AttentionTrace[] = []
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = layerPrefix(layer)
    const attentionDropout = drop && { masks: drop.masks, rate: drop.attentionRate }
    const { context, trace } = selfAttention(parameters, config, `${prefix}.attention.self`, x, bias, attentionDropout)
    x = normalise(linearOnto(x, `${prefix}.attention.output.dense`, context), `${prefix}.attention.output.LayerNorm`)

    const inner = feedForward(linear(parameters, `${prefix}.intermediate.dense`, x))
    x = normalise(linearOnto(x, `${prefix}.output.dense`, inner), `${prefix}.output.LayerNorm`)
    states.push(x)
    attention.push(trace)
  }

  const pooled = pool(parameters, config, x, attentionMask)
  const pooledLayout = { groups: 1, rows, columns: config.hiddenSize }
  const features = drop === undefined ? pooled : drop.masks.apply(pooled, pooledLayout, drop.rate)
  const shape: [number, number, number] = [rows, tokens, config.hiddenSize]
  return {
    logits: linear(parameters, 'classifier', features),
    pooled,
    ...(options.collect?.hiddenStates && { hiddenStates: states.map((state) => tf.reshape(state, shape)) }),
    ...(options.collect?.attention && { attention }),
  }
}

/** Embeddings, three a layer, the pooled vector. */
function dropoutSites(
  config: EncoderConfig,
  dropout: EncoderDropout | undefined,
): { masks: Dropout; rate: number; attentionRate: number } | undefined {
  if (dropout === undefined) return undefined
  const { rate, attentionRate = rate, noise, pass = { index: 0, count: 1 } } = dropout
  if (rate === 0 && attentionRate === 0) return undefined
  const sites = 3 * config.layers + 2
  return { masks: createDropout(noise, { sites, pass }), rate, attentionRate }
}
