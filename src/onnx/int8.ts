/**
 * Symmetric weight-only int8: value ≈ scale · q with q in [−127, 127] and one scale a column (kernels [in, out]: an output
 * channel) or a row (embedding tables: a token). The scale is the group's largest magnitude over 127, so the error of a
 * value is at most half its group's scale.
 */
import { ShapeMismatch } from '../errors.js'

export type QuantisationGroup = 'column' | 'row'

export interface QuantisedMatrix {
  /** [rows, columns], row-major */
  readonly values: Int8Array
  /** one a group: [columns] or [rows] */
  readonly scales: Float32Array
}

const LARGEST = 127

/**
 * @param values [rows, columns], row-major
 * @throws ShapeMismatch when the values do not fill the shape
 */
export function quantise(
  values: Float32Array,
  rows: number,
  columns: number,
  group: QuantisationGroup,
): QuantisedMatrix {
  if (values.length !== rows * columns) {
    throw new ShapeMismatch(`${values.length} values do not fill a matrix of ${rows} x ${columns}`)
  }
  const scales = new Float32Array(group === 'column' ? columns : rows)
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      const index = group === 'column' ? column : row
      scales[index] = Math.max(scales[index]!, Math.abs(values[i]!))
    }
  }
  // a group of zeros keeps scale 1, so that nothing divides by zero
  for (let index = 0; index < scales.length; index++) scales[index] = scales[index]! / LARGEST || 1
  const quantised = new Int8Array(values.length)
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      const scale = scales[group === 'column' ? column : row]!
      quantised[i] = Math.max(-LARGEST, Math.min(LARGEST, Math.round(values[i]! / scale)))
    }
  }
  return { values: quantised, scales }
}

/** @returns [rows, columns] of `scale · q` in fp32, as the portable model computes it */
export function dequantise(matrix: QuantisedMatrix, columns: number, group: QuantisationGroup): Float32Array {
  const { values, scales } = matrix
  const result = new Float32Array(values.length)
  for (let row = 0, i = 0; i < values.length; row++) {
    for (let column = 0; column < columns; column++, i++) {
      result[i] = values[i]! * scales[group === 'column' ? column : row]! // stored in fp32, hence rounded to it
    }
  }
  return result
}
