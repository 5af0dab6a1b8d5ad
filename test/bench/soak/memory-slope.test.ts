import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGrowing, memorySlope } from '../../../bench/soak/memory-slope.js'
import { createRandom } from '../../../training/random.js'

const HOUR_MS = 3_600_000

/** An hour of readings, one a second: a start-up, then a line with noise of some MiB that lasts for minutes. */
function hourOf(mibPerHour: number, seed: number) {
  const random = createRandom(seed)
  let noise = 0
  return Array.from({ length: 3_600 }, (_, second) => {
    noise = 0.99 * noise + (random.next() - 0.5) * 2
    const settling = 200 * (1 - Math.exp(-second / 120))
    return { atMs: second * 1_000, rssMiB: 400 + settling + noise + (mibPerHour * second * 1_000) / HOUR_MS }
  })
}

test('the slope is that of the line after the start-up', () => {
  const line = Array.from({ length: 100 }, (_, i) => ({ atMs: i * 36_000, rssMiB: i < 25 ? 999 : 300 + 0.5 * i }))
  const { mibPerHour, marginMibPerHour, grownMiB } = memorySlope(line)
  assert.ok(Math.abs(mibPerHour - 50) < 1e-6)
  assert.ok(marginMibPerHour < 1e-6)
  assert.ok(Math.abs(grownMiB - 0.5 * 74) < 1e-6)
})

test('a leak of 100 MiB an hour is told from noise, and noise from a leak', () => {
  for (let seed = 1; seed <= 20; seed++) {
    assert.equal(isGrowing(memorySlope(hourOf(100, seed))), true, `seed ${seed}`)
    assert.equal(isGrowing(memorySlope(hourOf(0, seed))), false, `seed ${seed}`)
  }
})
