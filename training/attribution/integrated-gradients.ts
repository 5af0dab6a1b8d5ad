/**
 * Integrated Gradients on the embedding layer, as Captum's LayerIntegratedGradients computes it on BERT's `embeddings`
 * module: the path leads from the embeddings (words, positions and types, normalised) of a baseline to those of the text.
 * The baseline keeps [CLS] and [SEP] and has [PAD] in every other place. What is explained is a label's logit.
 * @see Sundararajan et al. 2017
 */
import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { InferenceFunction, Tensors } from '../engine/types.js'
import { embed } from '../nn/embeddings.js'
import { encode } from '../nn/encoder.js'

/** Integrated Gradients over some points of the path; what several parts of it give adds up. */
export interface AttributionBatch {
  /** int32 [batch, tokens]: [CLS] … [SEP], then padding */
  readonly inputIds: tf.Tensor2D
  /** int32 [batch, tokens], 1 for real tokens */
  readonly attentionMask: tf.Tensor2D
  /** int32 [batch]: the label whose logit is explained */
  readonly targets: tf.Tensor1D
  /** float32 [points]: 0 is the baseline, 1 the text */
  readonly alphas: tf.Tensor1D
  /** float32 [points]: of the quadrature */
  readonly weights: tf.Tensor1D
}

/**
 * An inference function over the fields of AttributionBatch. It returns
 * `attributions` [batch, tokens]: Σ weight · ∂logit/∂embedding ⊙ (embedding − baseline's), summed over the hidden size, and
 * `scores` [points, batch]: the logit at every point.
 */
export function makeIntegratedGradients(config: EncoderConfig): InferenceFunction {
  return (parameters, fields) => {
    const { inputIds, attentionMask, targets, alphas, weights } = fields as Tensors & AttributionBatch
    const [batch, tokens] = inputIds.shape
    const points = alphas.shape[0]
    const rows = points * batch
    const { hiddenSize } = config

    const start = embed(parameters, config, baselineIds(inputIds, attentionMask, config.padTokenId))
    const difference = tf.sub(embed(parameters, config, inputIds), start) // [batch · tokens, hidden]
    const scaled = tf.mul(tf.reshape(alphas, [points, 1, 1]), tf.expandDims(difference, 0))
    const path = tf.reshape(tf.add(scaled, tf.expandDims(start, 0)), [rows * tokens, hiddenSize]) as tf.Tensor2D

    const repeated = {
      inputIds: tf.tile(inputIds, [points, 1]),
      attentionMask: tf.tile(attentionMask, [points, 1]),
    }
    const chosen = tf.tile(tf.cast(tf.oneHot(targets, config.labels), 'float32'), [points, 1]) // [rows, labels]
    const logit = (embedded: tf.Tensor) =>
      tf.sum(
        tf.mul(
          encode(parameters, config, repeated, { embedded: embedded as tf.Tensor2D }).logits,
          chosen as tf.Tensor2D,
        ),
        1,
      )
    // rows do not touch each other: weighting a row's logit weights its gradient
    const rowWeights = tf.reshape(tf.tile(tf.reshape(weights, [points, 1]), [1, batch]), [rows])
    const { value, grad } = tf.valueAndGrad(logit)(path, rowWeights)
    const gradient = tf.sum(tf.reshape(grad, [points, batch * tokens, hiddenSize]), 0)
    const attributions = tf.reshape(tf.sum(tf.mul(gradient, difference), 1), [batch, tokens])
    return { attributions, scores: tf.reshape(value, [points, batch]) }
  }
}

/**
 * [CLS] and [SEP] are the ends of the run of real tokens: a real token that has real tokens on both sides becomes [PAD], as
 * does a special token that the text itself spells out.
 * @returns int32 [batch, tokens]
 */
export function baselineIds(inputIds: tf.Tensor2D, attentionMask: tf.Tensor2D, padId: number): tf.Tensor2D {
  const [batch, tokens] = attentionMask.shape
  const before = tf.pad(tf.slice(attentionMask, [0, 0], [batch, tokens - 1]), [
    [0, 0],
    [1, 0],
  ])
  const after = tf.pad(tf.slice(attentionMask, [0, 1], [batch, tokens - 1]), [
    [0, 0],
    [0, 1],
  ])
  const inner = tf.mul(tf.mul(before, after), attentionMask) as tf.Tensor2D // 1 within, 0 at the ends and in padding
  return tf.add(tf.mul(inputIds, tf.sub(tf.scalar(1, 'int32'), inner)), tf.mul(inner, tf.scalar(padId, 'int32')))
}
