import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { Tensors } from '../engine/types.js'
import { linear } from './linear.js'

/**
 * One vector a sequence: the [CLS] state or the mean over real tokens, through the pooler layer where there is one.
 * @param states [batch · tokens, hidden]
 * @param attentionMask int32 [batch, tokens]
 * @returns [batch, hidden]
 */
export function pool(
  parameters: Tensors,
  config: EncoderConfig,
  states: tf.Tensor2D,
  attentionMask: tf.Tensor2D,
): tf.Tensor2D {
  const sequences = tf.reshape(states, [...attentionMask.shape, config.hiddenSize]) as tf.Tensor3D
  const pooled = config.pooling === 'cls' ? firstState(sequences) : meanState(sequences, attentionMask)
  if (config.pooler === 'none') return pooled
  const dense = linear(parameters, 'pooler.dense', pooled)
  return config.pooler === 'tanh' ? tf.tanh(dense) : tf.relu(dense)
}

function firstState(sequences: tf.Tensor3D): tf.Tensor2D {
  const [batch, , hidden] = sequences.shape
  return tf.reshape(tf.slice(sequences, [0, 0, 0], [batch, 1, hidden]), [batch, hidden])
}

/** A row of nothing but padding gives zeros. */
function meanState(sequences: tf.Tensor3D, attentionMask: tf.Tensor2D): tf.Tensor2D {
  const mask = tf.cast(attentionMask, 'float32') // [batch, tokens]
  const sum = tf.sum(tf.mul(sequences, tf.expandDims(mask, 2)), 1)
  return tf.div(sum, tf.maximum(tf.sum(mask, 1, true), 1))
}
