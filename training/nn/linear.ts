import * as tf from '@tensorflow/tfjs'
import type { Tensors } from '../engine/types.js'

/**
 * A linear layer, x · kernel + bias.
 * @param x [rows, in]
 * @param name its parameters are `<name>.weight` [in, out] and `<name>.bias` [out]
 * @returns [rows, out]
 */
export function linear(parameters: Tensors, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.add(tf.matMul(x, parameter(parameters, `${name}.weight`)), parameter(parameters, `${name}.bias`))
}

/** @throws TypeError when there is no parameter of that name, which is a fault of the caller */
export function parameter<T extends tf.Tensor = tf.Tensor2D>(parameters: Tensors, name: string): T {
  const tensor = parameters[name]
  if (tensor === undefined) throw new TypeError(`the encoder has no parameter "${name}"`)
  return tensor as T
}

/**
 * Linear layers of the same input as one.
 * @returns the parameters of a layer named `joined`, whose columns are those of the layers named, one after the other
 */
export function joinedLinear(parameters: Tensors, names: readonly string[]): Tensors {
  return {
    'joined.weight': tf.concat(
      names.map((name) => parameter(parameters, `${name}.weight`)),
      1,
    ),
    'joined.bias': tf.concat(
      names.map((name) => parameter(parameters, `${name}.bias`)),
      0,
    ),
  }
}
