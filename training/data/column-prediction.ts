import type { Random } from '../random.js'
import { binOf, quantileEdges } from './quantile-bins.js'

const FOLDS = 5
const NUMERIC_BINS = 10
/** Weight of the label shares against a value's own rows, in rows. */
const PRIOR_ROWS = 1

/** How well one column alone tells the label of rows that were held out. */
export interface ColumnPrediction {
  /** whether the values were taken as they are, or as numbers in ten quantile bins: whichever tells more */
  readonly reading: 'categorical' | 'numeric'
  readonly distinctValues: number
  /** cross-validated accuracy of the most frequent label of each value; of all rows for a value not seen before */
  readonly accuracy: number
  readonly majorityRate: number
  /** standard errors by which accuracy is above the majority rate, row by row */
  readonly standardErrors: number
  /** share of the label's entropy that the column takes away, cross-validated; 0 or less for a column that says nothing */
  readonly entropyExplained: number
}

/**
 * Predicts the label from one column by 5-fold cross-validation.
 * @param values raw cells; blank is a value of its own
 * @param classes class of every row
 */
export function predictFromColumn(
  values: readonly string[],
  classes: readonly number[],
  random: Random,
): ColumnPrediction {
  const fold = foldsOf(values.length, random)
  const distinctValues = new Set(values).size
  const categorical = crossValidate(classes, fold, () => (row) => values[row]!)
  const numbers = values.map((value) => (value.trim() === '' ? Number.NaN : Number(value)))
  const filled = values.filter((value) => value.trim() !== '').length
  const numeric = numbers.filter((number) => Number.isFinite(number)).length
  if (numeric < 0.9 * filled || numeric < 2 * NUMERIC_BINS)
    return { ...categorical, reading: 'categorical', distinctValues }

  const binned = crossValidate(classes, fold, (training) => {
    const known = training.map((row) => numbers[row]!).filter((number) => Number.isFinite(number))
    const edges = quantileEdges(known, NUMERIC_BINS)
    return (row) => (Number.isFinite(numbers[row]!) ? String(binOf(numbers[row]!, edges)) : values[row]!)
  })
  return binned.entropyExplained > categorical.entropyExplained
    ? { ...binned, reading: 'numeric', distinctValues }
    : { ...categorical, reading: 'categorical', distinctValues }
}

function foldsOf(rows: number, random: Random): number[] {
  const fold = new Array<number>(rows)
  for (const [place, row] of random.shuffle([...Array(rows).keys()]).entries()) fold[row] = place % FOLDS
  return fold
}

function crossValidate(
  classes: readonly number[],
  fold: readonly number[],
  keysFor: (training: readonly number[]) => (row: number) => string,
): Omit<ColumnPrediction, 'reading' | 'distinctValues'> {
  const classCount = classes.reduce((most, label) => Math.max(most, label + 1), 0)
  let columnHits = 0
  let majorityHits = 0
  let differing = 0
  let columnNats = 0
  let majorityNats = 0
  for (let held = 0; held < FOLDS; held++) {
    const training = [...classes.keys()].filter((row) => fold[row] !== held)
    const keyOf = keysFor(training)
    const shares = new Array<number>(classCount).fill(1 / (training.length + classCount))
    for (const row of training) shares[classes[row]!]! += 1 / (training.length + classCount)
    const countsOf = new Map<string, number[]>()
    for (const row of training) {
      const key = keyOf(row)
      let counts = countsOf.get(key)
      if (counts === undefined) {
        counts = new Array<number>(classCount).fill(0)
        countsOf.set(key, counts)
      }
      counts[classes[row]!]!++
    }
    const majority = indexOfGreatest(shares)
    for (const row of classes.keys()) {
      if (fold[row] !== held) continue
      const truth = classes[row]!
      const counts = countsOf.get(keyOf(row))
      const seen = counts?.reduce((sum, count) => sum + count, 0) ?? 0
      const guess = counts === undefined ? majority : indexOfGreatest(counts)
      const probability = ((counts?.[truth] ?? 0) + PRIOR_ROWS * shares[truth]!) / (seen + PRIOR_ROWS)
      if (guess === truth) columnHits++
      if (majority === truth) majorityHits++
      if ((guess === truth) !== (majority === truth)) differing++
      columnNats -= Math.log(probability)
      majorityNats -= Math.log(shares[truth]!)
    }
  }
  return {
    accuracy: columnHits / classes.length,
    majorityRate: majorityHits / classes.length,
    standardErrors: differing === 0 ? 0 : (columnHits - majorityHits) / Math.sqrt(differing),
    entropyExplained: 1 - columnNats / majorityNats,
  }
}

function indexOfGreatest(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0)
}
