import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { Tensors } from '../engine/types.js'
import type { Dropout } from './dropout.js'
import { linear } from './linear.js'

/** What one attention layer saw, heads apart: queries, keys, values [batch, heads, tokens, hidden / heads]. */
export interface AttentionTrace {
  /** unscaled */
  readonly queries: tf.Tensor4D
  readonly keys: tf.Tensor4D
  readonly values: tf.Tensor4D
  /** queries · keysᵀ / √(hidden / heads), before padding mask and softmax: [batch, heads, tokens, tokens] */
  readonly scores: tf.Tensor4D
}

/** Finite, so that fp16 and rows of nothing but padding stay numbers; exp(−10,000) is 0 in fp32. */
const MASKED_SCORE = -10_000

/**
 * @param attentionMask int32 [batch, tokens], 1 for real tokens
 * @returns [batch, 1, 1, tokens]: 0 for real tokens, −10,000 for padding; to be added to attention scores
 */
export function paddingBias(attentionMask: tf.Tensor2D): tf.Tensor4D {
  const [batch, tokens] = attentionMask.shape
  const padding = tf.sub(1, tf.cast(attentionMask, 'float32'))
  return tf.reshape(tf.mul(padding, MASKED_SCORE), [batch, 1, 1, tokens])
}

/**
 * Multi-head self-attention, without its output projection.
 * @param prefix its parameters are `<prefix>.query`, `.key` and `.value`
 * @param x [batch · tokens, hidden]
 * @param bias [batch, 1, 1, tokens]
 * @returns context [batch · tokens, hidden]
 * @see Vaswani et al. 2017, section 3.2
 */
export function selfAttention(
  parameters: Tensors,
  config: EncoderConfig,
  prefix: string,
  x: tf.Tensor2D,
  bias: tf.Tensor4D,
  dropout: { masks: Dropout; rate: number } | undefined,
): { context: tf.Tensor2D; trace: AttentionTrace } {
  const { heads, hiddenSize } = config
  const headSize = hiddenSize / heads
  const [batch, , , tokens] = bias.shape
  const split = (rows: tf.Tensor2D): tf.Tensor4D =>
    tf.transpose(tf.reshape(rows, [batch, tokens, heads, headSize]), [0, 2, 1, 3])

  const queries = split(linear(parameters, `${prefix}.query`, x))
  const keys = split(linear(parameters, `${prefix}.key`, x))
  const values = split(linear(parameters, `${prefix}.value`, x))
  // the scale goes to the queries: they are smaller than the scores whenever tokens exceed the head size
  const scores = tf.matMul(tf.mul(queries, 1 / Math.sqrt(headSize)), keys, false, true) as tf.Tensor4D
  let weights = tf.softmax(tf.add(scores, bias)) as tf.Tensor4D
  if (dropout !== undefined) {
    weights = dropout.masks.apply(weights, { groups: batch * heads, rows: tokens, columns: tokens }, dropout.rate)
  }
  const merged = tf.transpose(tf.matMul(weights, values), [0, 2, 1, 3])
  return {
    context: tf.reshape(merged, [batch * tokens, hiddenSize]),
    trace: { queries, keys, values, scores },
  }
}
