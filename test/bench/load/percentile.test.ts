import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { durationPercentiles, percentile } from '../../../bench/load/percentile.js'

const samples = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 })
// hundredths, so that the definition can be checked in whole numbers
const hundredths = fc.integer({ min: 1, max: 100 })

test('a percentile is the smallest value that so large a share of values does not exceed', () =>
  fc.assert(
    fc.property(samples, hundredths, (values, hundredth) => {
      const sorted = values.toSorted((a, b) => a - b)
      const found = percentile(sorted, hundredth / 100)
      const reaches = (value: number) => 100 * sorted.filter((one) => one <= value).length >= hundredth * sorted.length
      assert.equal(
        found,
        sorted.find((value) => reaches(value)),
      )
    }),
  ))

test('durations may come in any order, and none gives nulls', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => ((37 * i) % 100) + 1)
  assert.deepEqual(durationPercentiles(hundred), { p50Ms: 50, p90Ms: 90, p99Ms: 99, maxMs: 100 })
  assert.deepEqual(durationPercentiles([]), { p50Ms: null, p90Ms: null, p99Ms: null, maxMs: null })
})
