import * as tf from '@tensorflow/tfjs'
import { offers, runOffered } from './offered-kernels.js'

/**
 * Layer normalisation over the last axis: scale · (x − mean)/√(variance + epsilon) + bias, variance over the population.
 * The gradient is written out: with x̂ the normalised input and g = dy · scale,
 * dx = (g − mean(g) − x̂ · mean(g · x̂)) / √(variance + epsilon).
 * @param x [rows, hidden]
 * @param scale [hidden]
 * @param bias [hidden]
 * @returns [rows, hidden]
 * @see Ba et al. 2016
 */
export function layerNorm(x: tf.Tensor2D, scale: tf.Tensor, bias: tf.Tensor, epsilon: number): tf.Tensor2D {
  if (offers('LayerNorm')) return offeredLayerNorm(x, scale, bias, epsilon)
  return tf.customGrad((...args) => {
    const [x, scale, bias] = args as tf.Tensor[]
    const save = args[3] as tf.GradSaveFunc
    const centred = tf.sub(x!, tf.mean(x!, -1, true))
    const inverseDeviation = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon))
    const normalised = tf.mul(centred, inverseDeviation)
    save([normalised, inverseDeviation, scale!])
    return { value: tf.add(tf.mul(normalised, scale!), bias!), gradFunc: layerNormGradient }
  })(x, scale, bias) as tf.Tensor2D
}

function offeredLayerNorm(x: tf.Tensor2D, scale: tf.Tensor, bias: tf.Tensor, epsilon: number): tf.Tensor2D {
  return tf.customGrad((...args) => {
    const [x, scale, bias] = args as [tf.Tensor, tf.Tensor, tf.Tensor]
    const save = args[3] as tf.GradSaveFunc
    const [y, mean, inverse] = runOffered('LayerNorm', { x, scale, bias }, { epsilon }) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ]
    save([x, scale, mean, inverse])
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, scale, mean, inverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
        if (offers('LayerNormGrad')) return runOffered('LayerNormGrad', { dy, x, scale, mean, inverse })
        return layerNormGradient(dy, [tf.mul(tf.sub(x, mean), inverse), inverse, scale])
      },
    }
  })(x, scale, bias) as tf.Tensor2D
}

function layerNormGradient(dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] {
  const [normalised, inverseDeviation, scale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor]
  const dyNormalised = tf.mul(dy, normalised)
  const scaled = tf.mul(dy, scale)
  const meanAlong = tf.mean(tf.mul(dyNormalised, scale), -1, true)
  const projected = tf.sub(tf.sub(scaled, tf.mean(scaled, -1, true)), tf.mul(normalised, meanAlong))
  return [tf.mul(projected, inverseDeviation), tf.sum(dyNormalised, 0), tf.sum(dy, 0)]
}
