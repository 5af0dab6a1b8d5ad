/** A tensor in host memory, row-major. */
export interface HostTensor {
  readonly shape: readonly number[]
  readonly values: Float32Array | Int32Array
}

/** Tensors by name: a model's parameters, an optimiser's state, a batch. */
export type HostTensors = Record<string, HostTensor>

/** @returns the number of elements of a shape; 1 for a scalar */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}
