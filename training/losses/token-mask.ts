import * as tf from '@tensorflow/tfjs'

/** @param attentionMask int32 [batch, tokens] @returns float32 [batch, tokens, 1]: 1 for real tokens, 0 for padding */
export function tokenMask(attentionMask: tf.Tensor2D): tf.Tensor3D {
  const [batch, tokens] = attentionMask.shape
  return tf.reshape(tf.cast(attentionMask, 'float32'), [batch, tokens, 1])
}

/** @returns float32 [batch, tokens, tokens]: 1 where both query and key are real tokens */
export function tokenPairMask(attentionMask: tf.Tensor2D): tf.Tensor3D {
  const [batch, tokens] = attentionMask.shape
  return tf.mul(tokenMask(attentionMask), tf.reshape(tf.cast(attentionMask, 'float32'), [batch, 1, tokens]))
}
