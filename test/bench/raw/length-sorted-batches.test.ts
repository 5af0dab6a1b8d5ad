import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lengthSortedBatches, systematicSample } from '../../../bench/raw/length-sorted-batches.js'

const lengths = fc.array(fc.integer({ min: 1, max: 512 }), { maxLength: 100 })

test('batches hold every sequence once, within rows and padded tokens unless one alone is longer', () =>
  fc.assert(
    fc.property(
      lengths,
      fc.integer({ min: 1, max: 4_096 }),
      fc.integer({ min: 1, max: 64 }),
      (all, maxTokens, maxRows) => {
        const batches = lengthSortedBatches(all, maxTokens, maxRows)
        assert.deepEqual(
          batches.flat().sort((a, b) => a - b),
          all.map((_, i) => i),
        )
        for (const batch of batches) {
          const longest = Math.max(...batch.map((index) => all[index]!))
          assert.ok(batch.length <= maxRows)
          assert.ok(batch.length === 1 || batch.length * longest <= maxTokens)
        }
      },
    ),
  ))

test('a systematic sample has the mean of the whole but for one stride', () =>
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 512 }), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 300 }),
      (all, count) => {
        const sample = systematicSample(all, count, (length) => length)
        assert.equal(sample.length, Math.min(count, all.length))
        const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
        const range = Math.max(...all) - Math.min(...all)
        assert.ok(Math.abs(mean(sample) - mean(all)) <= range / sample.length + 1e-9)
      },
    ),
  ))
