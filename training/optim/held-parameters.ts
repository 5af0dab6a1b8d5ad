/**
 * How an optimiser holds parameters from step to step: those that share all its coefficients end to end in one tensor, so that
 * neither updating nor casting them joins and parts them at every step.
 */
import type * as tf from '@tensorflow/tfjs'
import type { Tensors } from '../engine/types.js'
import { offers } from '../nn/offered-kernels.js'
import { joined, parted, partedForUse, togetherBy } from './joined-tensors.js'

export interface ParameterGroup {
  /** of the held tensor: the parameter's own where it is alone */
  readonly name: string
  /** parameters, in the order in which they are joined */
  readonly members: readonly string[]
  readonly shapes: readonly number[][]
  /** of the learning rate */
  readonly factor: number
  readonly decays: boolean
}

interface Coefficients {
  readonly decays: (name: string) => boolean
  readonly learningRateFactor?: (name: string) => number
}

/** Parameters of at most this many elements are updated together, end to end: one operator costs more than their arithmetic. */
const SMALL = 8192

/**
 * What is worth joining depends on the backend that is computing.
 * @returns groups whose members share all coefficients; they are of one shape, or small, or one
 */
export function parameterGroups(parameters: Tensors, coefficients: Coefficients): ParameterGroup[] {
  const groups = new Map<string, { members: string[]; shapes: number[][]; factor: number; decays: boolean }>()
  for (const [name, { size, shape }] of Object.entries(parameters)) {
    const factor = coefficients.learningRateFactor?.(name) ?? 1
    const decays = coefficients.decays(name)
    const small = size <= SMALL && offers('ManyTensors')
    const alike = offers('CostlyOperators') ? togetherBy(name, shape) : small ? 'small' : `alone: ${name}`
    const key = `${factor} ${decays} ${alike}`
    const group = groups.get(key) ?? { members: [], shapes: [], factor, decays }
    group.members.push(name)
    group.shapes.push(shape)
    groups.set(key, group)
  }
  return [...groups.values()].map((group) => ({ ...group, name: nameOf(group.members) }))
}

function nameOf(members: readonly string[]): string {
  return members.length === 1 ? members[0]! : `${members[0]} and ${members.length - 1} more`
}

/** @param prefix of the tensors, before and after */
export function held(tensors: Tensors, groups: readonly ParameterGroup[], prefix: string): Tensors {
  return Object.fromEntries(
    groups.map(({ name, members }) => [prefix + name, joined(members.map((member) => tensors[prefix + member]!))]),
  )
}

/** Undoes held. */
export function released(tensors: Tensors, groups: readonly ParameterGroup[], prefix: string): Tensors {
  return byMember(groups, prefix, ({ name, shapes }) => parted(tensors[prefix + name]!, shapes))
}

/** @param parameters held. @returns them by their own names, in the precision that a forward pass computes in */
export function forUse(parameters: Tensors, groups: readonly ParameterGroup[]): Tensors {
  return byMember(groups, '', ({ name, members, shapes }) => partedForUse(parameters[name]!, members, shapes))
}

function byMember(
  groups: readonly ParameterGroup[],
  prefix: string,
  tensorsOf: (group: ParameterGroup) => tf.Tensor[],
): Tensors {
  return Object.fromEntries(
    groups.flatMap((group) => {
      const tensors = tensorsOf(group)
      return group.members.map((member, index) => [prefix + member, tensors[index]!])
    }),
  )
}
