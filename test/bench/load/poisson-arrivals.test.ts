import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { poissonArrivals } from '../../../bench/load/poisson-arrivals.js'
import { createRandom } from '../../../training/random.js'

test('arrivals ascend, stay within the duration, and repeat with the seed', () =>
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 2_000, noNaN: true }), fc.nat(), (ratePerSecond, seed) => {
      const arrivals = poissonArrivals(ratePerSecond, 500, createRandom(seed))
      assert.ok(arrivals.every((atMs, i) => atMs >= (arrivals[i - 1] ?? 0) && atMs < 500))
      assert.deepEqual(arrivals, poissonArrivals(ratePerSecond, 500, createRandom(seed)))
    }),
  ))

test('gaps are exponential: the Kolmogorov-Smirnov distance from the distribution is that of a sample', () => {
  const ratePerMs = 0.25
  const arrivals = poissonArrivals(1_000 * ratePerMs, 40_000, createRandom(7))
  const gaps = arrivals.map((atMs, i) => atMs - (arrivals[i - 1] ?? 0)).sort((a, b) => a - b)
  const distance = Math.max(
    ...gaps.map((gap, i) => {
      const cumulative = 1 - Math.exp(-ratePerMs * gap)
      return Math.max(Math.abs(cumulative - i / gaps.length), Math.abs(cumulative - (i + 1) / gaps.length))
    }),
  )
  // 1.63/√n is the 1% critical value
  assert.ok(distance < 1.63 / Math.sqrt(gaps.length), `${distance} of ${gaps.length} gaps`)
})

test('the number of arrivals varies as a Poisson count does: its variance is its mean', () => {
  const random = createRandom(3)
  const counts = Array.from({ length: 2_000 }, () => poissonArrivals(100, 200, random).length)
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / (counts.length - 1)
  // standard errors: √(20/2000) = 0.1 of the mean, about 20·√(2/2000) = 0.63 of the variance
  assert.ok(Math.abs(mean - 20) < 0.4, `mean ${mean}`)
  assert.ok(Math.abs(variance - 20) < 2.6, `variance ${variance}`)
})
