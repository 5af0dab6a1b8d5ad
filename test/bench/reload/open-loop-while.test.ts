import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLoopWhile } from '../../../bench/reload/open-loop-while.js'
import { createRandom } from '../../../training/random.js'

test('requests leave on the schedule of a Poisson process while the other thing goes on, and all are waited for', async () => {
  const intended: number[] = []
  let ended = 0
  const seen = await openLoopWhile(
    () => intended.length < 400,
    10_000,
    createRandom(1),
    async (intendedMs) => {
      const index = intended.push(intendedMs)
      // longer than all the sending takes: nothing waits for answers
      await new Promise((resolve) => setTimeout(resolve, 300))
      ended++
      return index
    },
  )
  assert.deepEqual(
    seen,
    Array.from({ length: 400 }, (_, i) => i + 1),
  )
  assert.equal(ended, 400)
  const gaps = intended.slice(1).map((at, i) => at - intended[i]!)
  assert.ok(gaps.every((gap) => gap > 0))
  // exponential gaps of 0.1 ms: mean within 3 standard errors, standard deviation about the mean
  const mean = gaps.reduce((a, b) => a + b) / gaps.length
  assert.ok(Math.abs(mean - 0.1) < (3 * 0.1) / Math.sqrt(gaps.length), `${mean}`)
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
  assert.ok(Math.abs(deviation - 0.1) < 0.03, `${deviation}`)
})
