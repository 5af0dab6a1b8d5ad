import { InvalidConfiguration, ShapeMismatch } from '../../src/errors.js'
import type { Random } from '../random.js'

export interface BucketOptions {
  /** examples a batch; give this or `tokenBudget` */
  readonly batchSize?: number | undefined
  /** most padded tokens a batch (rows × padded length); a batch holds at least one example */
  readonly tokenBudget?: number | undefined
  /** padded lengths are multiples of this; 32 by default */
  readonly bucketWidth?: number | undefined
  /** longest sequence, and the last bucket's padded length; by default the longest length, rounded up */
  readonly maxLength?: number | undefined
  /** batches of equal shape that stay next to each other, since an engine runs them in one call; 1 by default */
  readonly runLength?: number | undefined
}

export interface BatchPlan {
  /** indices into the lengths */
  readonly indices: readonly number[]
  readonly paddedLength: number
}

/**
 * One epoch of length-bucketed batches in random order; every example is in exactly one. An example is padded to the next
 * multiple of the bucket width, except that those left over when a bucket is cut into full batches move up to the next
 * bucket in use: at most one batch an epoch is not full, so that an engine meets few shapes.
 * @param lengths tokens of each example, special tokens included
 * @param random decides the batches and their order: fork it by epoch
 * @throws ShapeMismatch for a length beyond maxLength, InvalidConfiguration for sizes that are not positive integers
 */
export function lengthBucketedBatches(lengths: readonly number[], options: BucketOptions, random: Random): BatchPlan[] {
  const rowsOf = batchRows(options)
  const { runLength = 1 } = options
  const buckets = bucketExamples(random.shuffle([...lengths.keys()]), lengths, options)
  const runs: BatchPlan[][] = []
  let leftOver: number[] = []
  for (const [place, { paddedLength, examples }] of buckets.entries()) {
    const waiting = [...leftOver, ...examples]
    const rows = rowsOf(paddedLength)
    const isLast = place === buckets.length - 1
    const full = isLast ? waiting.length : waiting.length - (waiting.length % rows)
    const batches: BatchPlan[] = []
    for (let i = 0; i < full; i += rows)
      batches.push({ indices: waiting.slice(i, Math.min(i + rows, full)), paddedLength })
    leftOver = waiting.slice(full)
    for (let i = 0; i < batches.length; i += runLength) runs.push(batches.slice(i, i + runLength))
  }
  return random.shuffle(runs).flat()
}

/** @returns the padded length of a sequence: the next multiple of the bucket width, at most `maxLength` */
export function paddedLengthOf(length: number, bucketWidth: number, maxLength: number): number {
  return Math.min(Math.ceil(Math.max(length, 1) / bucketWidth) * bucketWidth, maxLength)
}

/** Buckets in use, shortest first; the examples of each in the order given. */
function bucketExamples(order: readonly number[], lengths: readonly number[], options: BucketOptions) {
  const { bucketWidth = 32, maxLength = Number.POSITIVE_INFINITY } = options
  checkPositive('bucket width', bucketWidth)
  const buckets = new Map<number, number[]>()
  for (const i of order) {
    if (lengths[i]! > maxLength) {
      throw new ShapeMismatch(`example ${i} has ${lengths[i]} tokens, more than the ${maxLength} that a batch may hold`)
    }
    const paddedLength = paddedLengthOf(lengths[i]!, bucketWidth, maxLength)
    const bucket = buckets.get(paddedLength)
    if (bucket === undefined) buckets.set(paddedLength, [i])
    else bucket.push(i)
  }
  return [...buckets]
    .map(([paddedLength, examples]) => ({ paddedLength, examples }))
    .sort((a, b) => a.paddedLength - b.paddedLength)
}

function batchRows({ batchSize, tokenBudget, runLength = 1 }: BucketOptions): (paddedLength: number) => number {
  checkPositive('run length', runLength)
  if ((batchSize === undefined) === (tokenBudget === undefined)) {
    throw new InvalidConfiguration('batch size', 'give either a batch size or a token budget')
  }
  if (batchSize !== undefined) {
    checkPositive('batch size', batchSize)
    return () => batchSize
  }
  checkPositive('token budget', tokenBudget!)
  return (paddedLength) => Math.max(1, Math.floor(tokenBudget! / paddedLength))
}

function checkPositive(setting: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidConfiguration(setting, `${value} is not an integer of 1 or more`)
}
