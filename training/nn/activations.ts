import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { offers, runOffered } from './offered-kernels.js'

/** 1/√(2π), the peak of the standard normal density */
const NORMAL_DENSITY_PEAK = 1 / Math.sqrt(2 * Math.PI)

/**
 * GELU with the exact Gaussian distribution function: x · Φ(x) = x · ½(1 + erf(x/√2)). The gradient is written out,
 * Φ(x) + x · φ(x), and keeps Φ(x) from the forward pass.
 * @see Hendrycks and Gimpel 2016
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  return (offers('Gelu') ? offeredGelu(x) : exactGelu(x)) as T
}

const exactGelu = tf.customGrad((input, save) => {
  const x = input as tf.Tensor
  const distribution = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5)
  ;(save as tf.GradSaveFunc)([x, distribution])
  return {
    value: tf.mul(x, distribution),
    gradFunc: (dy: tf.Tensor, [x, distribution]: tf.Tensor[]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x!), -0.5)), NORMAL_DENSITY_PEAK)
      return tf.mul(dy, tf.add(distribution!, tf.mul(x!, density)))
    },
  }
})

/** gelu′(x) = ½(1 + s(x)); the half goes to dy, the matrix product of which takes it for nothing. */
const offeredGelu = tf.customGrad((input, save) => {
  const x = input as tf.Tensor
  ;(save as tf.GradSaveFunc)([x])
  return {
    value: runOffered('Gelu', { x })[0]!,
    gradFunc: (dy: tf.Tensor, [x]: tf.Tensor[]) => {
      const half = tf.mul(dy, 0.5)
      return tf.add(half, tf.mul(half, runOffered('GeluSlope', { x: x! })[0]!))
    },
  }
})

/** GELU in its tanh form: ½x(1 + tanh(√(2/π)(x + 0.044715x³))), `gelu_new` in Hugging Face configs. */
export function geluTanh<T extends tf.Tensor>(x: T): T {
  const cubic = tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715), 1))
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(tf.mul(cubic, Math.sqrt(2 / Math.PI))), 1)) as T
}

/** @returns the feed-forward activation that a config names */
export function activation(name: EncoderConfig['activation']): <T extends tf.Tensor>(x: T) => T {
  if (name === 'gelu') return gelu
  return name === 'gelu_new' ? geluTanh : tf.relu
}
