import { softmax } from '../../src/family/softmax.js'

/** A value per class, for each example: [examples, labels]. */
export type ClassRows = readonly ArrayLike<number>[]

/** Softmax of every row. */
export function softmaxRows(logits: ClassRows, temperature = 1): Float64Array[] {
  return logits.map((row) => softmax(row, temperature))
}
