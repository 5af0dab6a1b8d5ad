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
