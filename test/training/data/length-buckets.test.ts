import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lengthBucketedBatches, paddedLengthOf } from '../../../training/data/length-buckets.js'
import { padBatch } from '../../../training/data/pad-batch.js'
import { createRandom } from '../../../training/random.js'

const lengths = fc.array(fc.integer({ min: 1, max: 512 }), { maxLength: 200 })
const batchSizes = fc.integer({ min: 1, max: 40 })
const widths = fc.constantFrom(16, 32, 64, 512)

test('every example is in exactly one batch of an epoch, and fits it', () =>
  fc.assert(
    fc.property(
      lengths,
      batchSizes,
      widths,
      fc.integer({ min: 1, max: 4 }),
      (tokens, batchSize, bucketWidth, runLength) => {
        const batches = lengthBucketedBatches(tokens, { batchSize, bucketWidth, runLength }, createRandom(1))
        assert.deepEqual(
          batches.flatMap(({ indices }) => indices).sort((a, b) => a - b),
          [...tokens.keys()],
        )
        for (const { indices, paddedLength } of batches) {
          assert.ok(indices.length >= 1 && indices.length <= batchSize)
          assert.ok(indices.every((i) => tokens[i]! <= paddedLength))
        }
      },
    ),
  ))

test('at most one batch is not full, and fewer than a batch of examples move up from any bucket', () =>
  fc.assert(
    fc.property(lengths, batchSizes, widths, (tokens, batchSize, bucketWidth) => {
      const batches = lengthBucketedBatches(tokens, { batchSize, bucketWidth }, createRandom(2))
      assert.ok(batches.filter(({ indices }) => indices.length < batchSize).length <= 1)
      const own = (i: number) => paddedLengthOf(tokens[i]!, bucketWidth, Number.POSITIVE_INFINITY)
      const buckets = [...new Set([...tokens.keys()].map(own))]
      for (const bucket of buckets) {
        const above = batches.filter(({ paddedLength }) => paddedLength > bucket).flatMap(({ indices }) => indices)
        assert.ok(above.filter((i) => own(i) <= bucket).length < batchSize)
      }
    }),
  ))

test('a batch never exceeds its token budget unless it holds a single example', () =>
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 8192 }), widths, (tokens, tokenBudget, bucketWidth) => {
      const batches = lengthBucketedBatches(tokens, { tokenBudget, bucketWidth }, createRandom(3))
      assert.equal(batches.flatMap(({ indices }) => indices).length, tokens.length)
      for (const { indices, paddedLength } of batches) {
        assert.ok(indices.length === 1 || indices.length * paddedLength <= tokenBudget)
      }
    }),
  ))

test('padding is bounded by the bucket width for lengths that fill their buckets', () => {
  const tokens = Array.from({ length: 256 }, (_, i) => 1 + (i % 128))
  for (const { indices, paddedLength } of lengthBucketedBatches(tokens, { batchSize: 16 }, createRandom(4))) {
    assert.ok(indices.every((i) => paddedLength - tokens[i]! < 32))
  }
})

test('the seed decides batches and order; another epoch has others', () => {
  const tokens = Array.from({ length: 100 }, (_, i) => 1 + ((i * 37) % 300))
  const epoch = (number: number) =>
    lengthBucketedBatches(tokens, { batchSize: 8 }, createRandom(1).fork(`epoch ${number}`))
  assert.deepEqual(epoch(1), epoch(1))
  assert.notDeepEqual(epoch(1), epoch(2))
  const order = epoch(1).map(({ paddedLength }) => paddedLength)
  assert.notDeepEqual(
    order,
    [...order].sort((a, b) => a - b),
  )
})

test('runs of equal shape stay together', () => {
  const tokens = Array.from({ length: 320 }, (_, i) => (i % 2 === 0 ? 30 : 60))
  const batches = lengthBucketedBatches(tokens, { batchSize: 8, runLength: 5 }, createRandom(1))
  for (let run = 0; run < batches.length; run += 5) {
    assert.equal(new Set(batches.slice(run, run + 5).map(({ paddedLength }) => paddedLength)).size, 1)
  }
})

test('texts longer than the model, and sizes that make no sense, are refused', () => {
  const random = createRandom(1)
  assert.throws(() => lengthBucketedBatches([513], { batchSize: 1, maxLength: 512 }, random), {
    code: 'SHAPE_MISMATCH',
  })
  for (const options of [
    {},
    { batchSize: 8, tokenBudget: 100 },
    { batchSize: 0 },
    { tokenBudget: -1 },
    { batchSize: 1.5 },
  ]) {
    assert.throws(() => lengthBucketedBatches([5], options, random), { code: 'INVALID_CONFIGURATION' })
  }
  assert.equal(
    lengthBucketedBatches([500], { batchSize: 1, bucketWidth: 64, maxLength: 510 }, random)[0]!.paddedLength,
    510,
  )
})

test('a padded batch holds the tokens, then padding that the mask leaves out', () => {
  const { inputIds, attentionMask } = padBatch([[101, 7, 102], Int32Array.of(101, 102)], 4, 9)
  assert.deepEqual(inputIds, { shape: [2, 4], values: Int32Array.of(101, 7, 102, 9, 101, 102, 9, 9) })
  assert.deepEqual(attentionMask, { shape: [2, 4], values: Int32Array.of(1, 1, 1, 0, 1, 1, 0, 0) })
  assert.throws(() => padBatch([[1, 2, 3]], 2, 0), { code: 'SHAPE_MISMATCH' })
})
