import * as tf from '@tensorflow/tfjs'
import type { OfferedKernel } from '../engine/types.js'

/**
 * Whether the backend that is computing has a kernel beyond tfjs' own. Eager tfjs backends have none: whoever asks composes
 * the same of tfjs ops there.
 */
export function offers(kernel: OfferedKernel): boolean {
  const backend = tf.backend() as { offers?(kernel: OfferedKernel): boolean }
  return backend.offers?.(kernel) ?? false
}

/** Runs a kernel by name. @param kernel offered, or the gradient of one that is */
export function runOffered(
  kernel: string,
  inputs: Record<string, tf.Tensor>,
  attributes: Record<string, number> = {},
): tf.Tensor[] {
  const result = tf.engine().runKernel(kernel, inputs as tf.NamedTensorMap, attributes) as tf.Tensor | tf.Tensor[]
  return Array.isArray(result) ? result : [result]
}

/** @returns the same values in float32 where a mixed-precision program holds them in less */
export function fullPrecision<T extends tf.Tensor>(x: T): T {
  return offers('FullPrecision') ? (runOffered('FullPrecision', { x })[0] as T) : x
}

/**
 * The same tensors for a forward pass: small ones are turned into what mixed precision computes in together, where that
 * saves an operator each.
 * @param small which of them; biases and the like
 */
export function castTogether(
  tensors: Readonly<Record<string, tf.Tensor>>,
  small: (name: string, tensor: tf.Tensor) => boolean,
): Record<string, tf.Tensor> {
  const chosen = offers('CostlyOperators')
    ? Object.entries(tensors).filter(([name, tensor]) => small(name, tensor))
    : []
  if (chosen.length < 2) return { ...tensors }
  const joined = tf.concat1d(chosen.map(([, tensor]) => tf.reshape(tensor, [-1]) as tf.Tensor1D))
  const parts = tf.split(
    runOffered('HalfPrecision', { x: joined })[0]!,
    chosen.map(([, { size }]) => size),
  )
  return {
    ...tensors,
    ...Object.fromEntries(chosen.map(([name, { shape }], index) => [name, tf.reshape(parts[index]!, shape)])),
  }
}
