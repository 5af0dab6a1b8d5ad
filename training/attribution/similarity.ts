import { ShapeMismatch } from '../../src/errors.js'
import type { Estimate } from '../../src/family/family-schema.js'
import { type BootstrapOptions, bootstrapEstimates } from '../evaluation/bootstrap.js'

export interface AttributionSimilarity {
  /** mean cosine similarity over texts with its 95% bootstrap interval; 1: each token matters as much to both */
  readonly similarity: Estimate
  /** that were compared */
  readonly texts: number
  /** without attributions in one of the models, such as a text of no tokens: they have no direction to compare */
  readonly skipped: number
}

/**
 * How alike two models' reasons are: the cosine similarity of the attributions of each text, for the same label, averaged
 * over texts. [CLS] and [SEP] have attributions of 0 and do not count.
 * @param teacher one a token, one list a text
 * @param student of the same texts and tokens
 * @throws ShapeMismatch when texts or tokens differ, or no text can be compared
 */
export function attributionSimilarity(
  teacher: readonly ArrayLike<number>[],
  student: readonly ArrayLike<number>[],
  options: BootstrapOptions = {},
): AttributionSimilarity {
  if (teacher.length !== student.length) {
    throw new ShapeMismatch(
      `attributions of ${teacher.length} texts cannot be compared with those of ${student.length}`,
    )
  }
  const cosines = teacher.map((row, text) => {
    const other = student[text]!
    if (row.length === other.length) return cosineSimilarity(row, other)
    throw new ShapeMismatch(
      `text ${text} has ${row.length} tokens for one model and ${other.length} for the other; they need the same tokenizer and length`,
    )
  })
  const compared = cosines.filter((cosine) => cosine !== undefined)
  if (compared.length === 0) throw new ShapeMismatch('there is no text of which both models have attributions')
  const mean = (counts: ArrayLike<number>) => {
    let sum = 0
    let total = 0
    for (const [i, cosine] of compared.entries()) {
      sum += counts[i]! * cosine
      total += counts[i]!
    }
    return sum / total
  }
  const { similarity } = bootstrapEstimates({ similarity: mean }, compared.length, options)
  return { similarity, texts: compared.length, skipped: cosines.length - compared.length }
}

/** @returns a · b / (‖a‖ ‖b‖), or undefined where one of them is 0 */
export function cosineSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number | undefined {
  let product = 0
  let squaresA = 0
  let squaresB = 0
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!
    squaresA += a[i]! * a[i]!
    squaresB += b[i]! * b[i]!
  }
  if (squaresA === 0 || squaresB === 0) return undefined
  return product / Math.sqrt(squaresA) / Math.sqrt(squaresB)
}

/** Attributions at a common scale for display: divided by their Euclidean length; zeros stay zeros. */
export function l2Normalised(attributions: ArrayLike<number>): number[] {
  const values = Array.from(attributions)
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  return length === 0 ? values : values.map((value) => value / length)
}
