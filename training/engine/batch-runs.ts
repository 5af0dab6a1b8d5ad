/**
 * Cuts a list of batches into runs that one ONNX `Loop` takes each, and stacks batches of equal shape along a new first
 * axis. Order is kept, because every step depends on the one before.
 */
import { elementCount, type HostTensor, type HostTensors } from '../../src/family/tensor.js'
import type { Signatures } from './trace.js'

export interface RunLimits {
  /** most batches in one run */
  readonly maxSteps: number
  /** most bytes of stacked batches in one run; a single batch may exceed it */
  readonly maxBytes: number
  /** whether one run may hold batches of several shapes */
  readonly mixShapes: boolean
}

/** @returns shapes and types */
export function signaturesOf(tensors: HostTensors): Signatures {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, values }]) => [name, { shape, dtype: typeOf(values) }]),
  )
}

/** @returns equal strings for signatures that can share a program, whatever the order of the names */
export function signatureKey(signatures: Signatures): string {
  const entries = Object.entries(signatures).map(([name, { shape, dtype }]) => [name, dtype, ...shape])
  return JSON.stringify(entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)))
}

/** @returns the batches in order, cut where a limit is reached, and where shapes change unless they may be mixed */
export function cutIntoRuns(batches: readonly HostTensors[], limits: RunLimits): HostTensors[][] {
  const runs: HostTensors[][] = []
  let key = ''
  let bytes = 0
  for (const batch of batches) {
    const batchKey = signatureKey(signaturesOf(batch))
    const batchBytes = byteCount(batch)
    const last = runs.at(-1)
    if (
      last &&
      (limits.mixShapes || batchKey === key) &&
      last.length < limits.maxSteps &&
      bytes + batchBytes <= limits.maxBytes
    ) {
      last.push(batch)
      bytes += batchBytes
    } else {
      runs.push([batch])
      key = batchKey
      bytes = batchBytes
    }
  }
  return runs
}

export interface ShapeGroup {
  readonly signatures: Signatures
  readonly batches: HostTensors[]
}

/** Batches by shape, and where each one went: batch i is row rowOf[i] of group shapeOf[i]. */
export interface GroupedBatches {
  readonly groups: readonly ShapeGroup[]
  readonly shapeOf: readonly number[]
  readonly rowOf: readonly number[]
}

/**
 * @param known shapes that come first, in this order, even those that no batch has
 * @returns the batches by shape; shapes not known follow in order of appearance
 */
export function groupByShape(batches: readonly HostTensors[], known: readonly Signatures[] = []): GroupedBatches {
  const groups: ShapeGroup[] = known.map((signatures) => ({ signatures, batches: [] }))
  const indices = new Map(known.map((signatures, index) => [signatureKey(signatures), index]))
  const shapeOf: number[] = []
  const rowOf: number[] = []
  for (const batch of batches) {
    const signatures = signaturesOf(batch)
    const key = signatureKey(signatures)
    const index = indices.get(key) ?? groups.push({ signatures, batches: [] }) - 1
    indices.set(key, index)
    shapeOf.push(index)
    rowOf.push(groups[index]!.batches.push(batch) - 1)
  }
  return { groups, shapeOf, rowOf }
}

/** @returns each tensor of the batches, all of the group's shape, stacked along a new first axis */
export function stack({ signatures, batches }: ShapeGroup): HostTensors {
  return Object.fromEntries(
    Object.entries(signatures).map(([name, { shape, dtype }]) => {
      const size = elementCount(shape)
      const stacked = new (dtype === 'float32' ? Float32Array : Int32Array)(size * batches.length)
      batches.forEach((batch, index) => {
        stacked.set(batch[name]!.values, index * size)
      })
      return [name, { shape: [batches.length, ...shape], values: stacked }]
    }),
  )
}

/** @returns the tensors of each step from tensors with a leading axis of steps; the inverse of stack */
export function unstack(stacked: HostTensors, steps: number): HostTensors[] {
  return Array.from({ length: steps }, (_, index) =>
    Object.fromEntries(
      Object.entries(stacked).map(([name, { shape, values }]) => {
        const stepShape = shape.slice(1)
        const size = elementCount(stepShape)
        return [name, { shape: stepShape, values: values.slice(index * size, (index + 1) * size) }]
      }),
    ),
  )
}

/** @returns tensors that share no memory with the given ones */
export function copyOf(tensors: HostTensors): HostTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, values }]): [string, HostTensor] => [
      name,
      { shape: [...shape], values: values.slice() },
    ]),
  )
}

function typeOf(values: HostTensor['values']): 'float32' | 'int32' {
  return values instanceof Float32Array ? 'float32' : 'int32'
}

function byteCount(tensors: HostTensors): number {
  return Object.values(tensors).reduce((sum, { values }) => sum + values.byteLength, 0)
}
