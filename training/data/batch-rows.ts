import type { HostTensor } from '../../src/family/tensor.js'

/** @param rows all of one width @returns those of the indices, in their order: float32 [indices, width] */
export function batchRows(rows: readonly Float32Array[], indices: readonly number[]): HostTensor {
  const width = rows[0]!.length
  const values = new Float32Array(indices.length * width)
  for (const [row, i] of indices.entries()) values.set(rows[i]!, row * width)
  return { shape: [indices.length, width], values }
}
