/**
 * Tensors that are worked on as one. GPU providers join, and split, hundreds of tensors of one shape as fast as two, and tensors
 * of different shapes far more slowly.
 */
import * as tf from '@tensorflow/tfjs'
import type { Tensors } from '../engine/types.js'
import { offers, runOffered } from '../nn/offered-kernels.js'

/**
 * @returns what parameters worth joining have in common: their shape, and whether they belong to an encoder layer, as mixed
 * precision holds the gradients of those alike
 */
export function togetherBy(name: string, shape: readonly number[]): string {
  return `${inLayer(name) ? 'layers' : 'ends'} ${shape}`
}

function inLayer(name: string): boolean {
  return /(^|[./])encoder\.layer\./.test(name)
}

/**
 * Frozen parameters for a forward pass: where programs may compute in less than float32, those of the layers are turned
 * together into what they compute in.
 */
export function castTogether(parameters: Tensors): Tensors {
  if (!offers('HalfPrecision')) return parameters
  const groups = new Map<string, string[]>()
  for (const [name, tensor] of Object.entries(parameters)) {
    if (!inLayer(name)) continue
    const key = togetherBy(name, tensor.shape)
    groups.set(key, [...(groups.get(key) ?? []), name])
  }
  const cast = [...groups.values()].flatMap((members) => {
    const tensors = members.map((name) => parameters[name]!)
    const parts = partedForUse(
      joined(tensors),
      members,
      tensors.map(({ shape }) => shape),
    )
    return members.map((name, index) => [name, parts[index]!] as const)
  })
  return { ...parameters, ...Object.fromEntries(cast) }
}

/** The members of a group for a forward pass: those of the layers in what mixed precision computes in, where a backend has it. */
export function partedForUse(group: tf.Tensor, members: readonly string[], shapes: readonly number[][]): tf.Tensor[] {
  if (!offers('HalfPrecision') || !members.every(inLayer)) return parted(group, shapes)
  return parted(runOffered('HalfPrecision', { x: group })[0]!, shapes)
}

/** One after the other along the first axis, vectors where shapes differ. */
export function joined(tensors: readonly tf.Tensor[]): tf.Tensor {
  const [first] = tensors as [tf.Tensor]
  if (tensors.length === 1) return first
  const alike = tensors.every(({ shape }) => shape.join() === first.shape.join())
  return tf.concat(alike && first.rank > 0 ? [...tensors] : tensors.map((tensor) => tf.reshape(tensor, [-1])), 0)
}

/** Undoes joined. */
export function parted(tensor: tf.Tensor, shapes: readonly number[][]): tf.Tensor[] {
  if (shapes.length === 1) return [tensor]
  const row = tensor.shape.slice(1).reduce((product, size) => product * size, 1)
  const sizes = shapes.map((shape) => shape.reduce((product, size) => product * size, 1) / row)
  return tf.split(tensor, sizes).map((part, index) => tf.reshape(part, shapes[index]!))
}
