/** How kernel tests are written down: random inputs, and a tfjs function of them. */
import * as tf from '@tensorflow/tfjs'
import type { HostTensor, HostTensors } from '../../../src/family/tensor.js'
import type { Tensors } from '../../../training/engine/types.js'
import { floats, integers, seeded } from './toy-encoder.js'

export type T = tf.Tensor
/** Inputs by name; the function under test gets them as tensors. */
export interface Case {
  readonly kernel: string
  readonly name: string
  readonly inputs: HostTensors
  readonly run: (x: Tensors) => T | T[]
}

export const random = seeded(7)
export const reals = (...shape: number[]) => floats(shape, () => random() * 6 - 3)
export const positive = (...shape: number[]) => floats(shape, () => random() * 3 + 0.1)
export const whole = (...shape: number[]) => integers(shape, () => Math.floor(random() * 13) - 6)
export const nonZero = (...shape: number[]) =>
  integers(shape, () => (random() < 0.5 ? -1 : 1) * (1 + Math.floor(random() * 5)))
export const below = (limit: number, ...shape: number[]) => integers(shape, () => Math.floor(random() * limit))
export const odd: HostTensor = {
  shape: [5],
  values: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, -1e30, 0, 2.5),
}
export const bool = (x: T) => tf.cast(x, 'bool')

export function unary(kernel: string, op: (x: T) => T, make = reals): Case[] {
  return [
    { kernel, name: 'a matrix', inputs: { x: make(3, 4) }, run: ({ x }) => op(x!) },
    { kernel, name: 'a scalar', inputs: { x: make() }, run: ({ x }) => op(x!) },
    {
      kernel,
      name: 'a broadcast row',
      inputs: { x: make(1, 4) },
      run: ({ x }) => tf.reshape(op(tf.tile(x!, [3, 1])), [2, 6]),
    },
  ]
}

export function binary(kernel: string, op: (a: T, b: T) => T, a = reals, b = a): Case[] {
  const shapes: [number[], number[]][] = [
    [
      [3, 4],
      [3, 4],
    ],
    [[3, 4], [4]],
    [
      [3, 1],
      [1, 4],
    ],
    [[], [2, 3]],
    [
      [2, 1, 3],
      [4, 1],
    ],
  ]
  return shapes.map(([left, right]) => ({
    kernel,
    name: `[${left}] with [${right}]`,
    inputs: { a: a(...left), b: b(...right) },
    run: ({ a, b }) => op(a!, b!),
  }))
}

export function one(kernel: string, name: string, inputs: HostTensors, run: Case['run']): Case[] {
  return [{ kernel, name, inputs, run }]
}

export const reductions = (kernel: string, op: (x: T, axis?: number[], keep?: boolean) => T, make = reals): Case[] =>
  [undefined, [0], [-1], [0, 2], [1, -1], []].flatMap((axis) =>
    [false, true].map((keep) => ({
      kernel,
      name: `axis ${axis === undefined ? 'all' : `[${axis}]`}${keep ? ', kept' : ''}`,
      inputs: { x: make(2, 3, 4) },
      run: ({ x }: Tensors) => op(x!, axis, keep),
    })),
  )
