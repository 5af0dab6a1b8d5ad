import { DataInvalid, ShapeMismatch } from '../../src/errors.js'
import { argmax } from '../../src/family/softmax.js'
import type { ClassRows } from './softmax.js'

/**
 * How often each example counts: 1 for the sample itself, 0, 1, 2, … in a bootstrap resample. Every metric here takes
 * counts, so that a resample costs one pass and no copy of the predictions.
 */
export type Counts = ArrayLike<number>

/** Predictions with their true classes, checked once. */
export interface ScoredExamples {
  /** [examples, labels] */
  readonly probabilities: ClassRows
  /** true class of every example */
  readonly labels: readonly number[]
  /** most likely class of every example; the first on ties */
  readonly predicted: readonly number[]
  readonly labelCount: number
}

/**
 * @throws ShapeMismatch when rows and labels do not fit each other
 * @throws DataInvalid when fewer than two classes occur: AUC would have no meaning
 */
export function scoreExamples(probabilities: ClassRows, labels: readonly number[]): ScoredExamples {
  if (probabilities.length !== labels.length || labels.length === 0) {
    throw new ShapeMismatch(`${probabilities.length} rows of probabilities for ${labels.length} labels`)
  }
  const labelCount = probabilities[0]!.length
  for (const [i, row] of probabilities.entries()) {
    if (row.length !== labelCount) {
      throw new ShapeMismatch(`row ${i} has ${row.length} probabilities, the first has ${labelCount}`)
    }
    let sum = 0
    for (let label = 0; label < labelCount; label++) {
      sum += row[label]!
      if (!(row[label]! >= 0 && row[label]! <= 1 + 1e-6)) {
        throw new ShapeMismatch(`row ${i} holds ${row[label]}, which is no probability`)
      }
    }
    if (Math.abs(sum - 1) > 1e-3) throw new ShapeMismatch(`the probabilities of row ${i} sum to ${sum}, not to 1`)
    const label = labels[i]!
    if (!Number.isInteger(label) || label < 0 || label >= labelCount) {
      throw new ShapeMismatch(`label ${label} of example ${i} is not one of the ${labelCount} classes`)
    }
  }
  if (new Set(labels).size < 2) {
    throw new DataInvalid('evaluation', 'the examples are all of one class; quality needs at least two')
  }
  return { probabilities, labels, predicted: probabilities.map((row) => argmax(row)), labelCount }
}

/** Every example once. */
export function onceEach(examples: number): Uint16Array {
  return new Uint16Array(examples).fill(1)
}

/** A metric of a sample, prepared for many resamples of it. NaN where a resample leaves it undefined. */
export type ResampledMetric = (counts: Counts) => number

/** Σ counts·values / Σ counts. */
export function meanOf(values: ArrayLike<number>): ResampledMetric {
  return (counts) => {
    let sum = 0
    let weight = 0
    for (let i = 0; i < values.length; i++) {
      sum += counts[i]! * values[i]!
      weight += counts[i]!
    }
    return sum / weight
  }
}
