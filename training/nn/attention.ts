import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { Tensors } from '../engine/types.js'
import { type Dropout, type DropoutSite, dropoutGradient } from './dropout.js'
import { joinedLinear, linear } from './linear.js'
import { offers, runOffered } from './offered-kernels.js'

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
    tf.transpose(tf.reshape(rows, [batch, tokens, -1, headSize]), [0, 2, 1, 3])
  const names = ['query', 'key', 'value'].map((name) => `${prefix}.${name}`)
  const [queries, keys, values] = (
    offers('CostlyOperators')
      ? tf.split(split(linear(joinedLinear(parameters, names), 'joined', x)), 3, 1)
      : names.map((name) => split(linear(parameters, name, x)))
  ) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D]
  const rate = dropout?.rate ?? 0
  const layout = { groups: batch * heads, rows: tokens, columns: tokens }
  const site = dropout && rate > 0 ? dropout.masks.site(layout, rate) : undefined
  const attended = attend(queries, keys, values, bias, site && { site, rate })
  const merged = tf.transpose(attended, [0, 2, 1, 3])
  return {
    context: tf.reshape(merged, [batch * tokens, hiddenSize]),
    trace: {
      queries,
      keys,
      values,
      // made when a loss asks: attention itself keeps its scores to itself
      get scores() {
        return scaledScores(queries, keys)
      },
    },
  }
}

/**
 * dropout(softmax(q kᵀ/√d + bias)) v, all [batch, heads, tokens, d]. The gradient is written out. With p the softmax, o the
 * result and dp the gradient of p, softmax' gradient is p · (dp − Σ p · dp), and that sum over keys equals Σ do · o over
 * the head, which is far smaller; with dropout too.
 * @see Dao et al. 2022, appendix B.2
 */
function attend(
  queries: tf.Tensor4D,
  keys: tf.Tensor4D,
  values: tf.Tensor4D,
  bias: tf.Tensor4D,
  dropout: { site: DropoutSite; rate: number } | undefined,
): tf.Tensor4D {
  const scale = 1 / Math.sqrt(queries.shape[3])
  return tf.customGrad((...args) => {
    const [queries, keys, values] = args as unknown as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D]
    const save = args[3] as unknown as tf.GradSaveFunc
    const weights = softmaxWithBias(scaledScores(queries, keys), bias)
    const dropped = dropout?.site.drop(weights)
    const used = dropped?.value ?? weights
    const context = tf.matMul(used, values)
    save([queries, keys, values, weights, context, ...(dropped ? [dropped.value, dropped.mask] : [])])
    return {
      value: context,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [queries, keys, values, weights, context, used = weights, mask] = saved as [
          ...[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor],
          tf.Tensor?,
          tf.Tensor?,
        ]
        const dUsed = tf.matMul(dy, values, false, true)
        const dWeights = mask && dropout ? dropoutGradient(dUsed, mask, dropout.rate) : dUsed
        const dScores = tf.mul(weights, tf.sub(dWeights, tf.sum(tf.mul(dy, context), -1, true)))
        return [
          tf.mul(tf.matMul(dScores, keys), scale),
          tf.mul(tf.matMul(dScores, queries, true, false), scale),
          tf.matMul(used, dy, true, false),
        ]
      },
    }
  })(queries, keys, values) as tf.Tensor4D
}

function scaledScores(queries: tf.Tensor4D, keys: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(tf.matMul(queries, keys, false, true), 1 / Math.sqrt(queries.shape[3]))
}

function softmaxWithBias(scores: tf.Tensor4D, bias: tf.Tensor4D): tf.Tensor {
  return offers('SoftmaxWithBias')
    ? runOffered('SoftmaxWithBias', { scores, bias })[0]!
    : tf.softmax(tf.add(scores, bias))
}
