import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGrowing, type MemorySample, memorySlope } from '../../../bench/soak/memory-slope.js'
import { createRandom } from '../../../training/random.js'

const HOUR_MS = 3_600_000

/** Readings of a process, one a second: a start-up, then a line, with noise that lasts for minutes and peaks now and then. */
function process(mibPerHour: number, seed: number, fromMs = 0, untilMs = HOUR_MS): MemorySample[] {
  const random = createRandom(seed)
  let noise = 0
  return Array.from({ length: (untilMs - fromMs) / 1_000 }, (_, second) => {
    noise = 0.99 * noise + (random.next() - 0.5) * 2
    const settling = 200 * (1 - Math.exp(-second / 120))
    const peak = random.integer(30) === 0 ? 80 : 0
    const line = (mibPerHour * second * 1_000) / HOUR_MS
    return { atMs: fromMs + second * 1_000, rssMiB: 400 + settling + noise + peak + line }
  })
}

test('the slope is that of the line after the start-up, whatever peaks stand on it', () => {
  const line = Array.from({ length: 3_600 }, (_, i) => ({
    atMs: i * 1_000,
    rssMiB: i < 900 ? 999 : 300 + i / 100 + (i % 7 === 0 ? 50 : 0),
  }))
  const { mibPerHour, low, high, hours } = memorySlope([line])!
  for (const slope of [mibPerHour, low, high]) assert.ok(Math.abs(slope - 36) < 0.5, `${slope}`)
  assert.ok(Math.abs(hours - 0.75) < 0.05)
})

test('the interval is that of Kendall: ranks of the sorted slopes, from the variance of S', () => {
  // 48 readings; the last 36 are 18 blocks, of which all but two stand on one line
  const samples = Array.from({ length: 48 }, (_, i) => ({ atMs: i * 1_000, rssMiB: i }))
  samples[20] = { atMs: 20_000, rssMiB: -50 }
  samples[40] = { atMs: 40_000, rssMiB: -90 }
  const { mibPerHour, low, high } = memorySlope([samples])!
  const blockMs = 47_000 / 24
  const blocks = new Map<number, number>()
  for (const { atMs, rssMiB } of samples.slice(12)) {
    const block = Math.floor((atMs - 12_000) / blockMs)
    blocks.set(block, Math.min(blocks.get(block) ?? Infinity, rssMiB))
  }
  const slopes = [...blocks]
    .flatMap(([a, from]) => [...blocks].filter(([b]) => b > a).map(([b, to]) => (to - from) / ((b - a) * blockMs)))
    .map((slope) => slope * HOUR_MS)
    .sort((a, b) => a - b)
  const n = blocks.size
  const c = 1.96 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18)
  const close = (found: number, expected: number) => assert.ok(Math.abs(found - expected) < 1e-6 * Math.abs(expected))
  close(low, slopes[Math.floor((slopes.length - c) / 2) - 1]!)
  close(high, slopes[Math.ceil((slopes.length + c) / 2)]!)
  close(mibPerHour, (slopes[Math.ceil(slopes.length / 2) - 1]! + slopes[Math.floor(slopes.length / 2)]!) / 2)
})

test('a leak of 100 MiB an hour is told from noise, and noise from a leak', () => {
  for (let seed = 1; seed <= 20; seed++) {
    assert.equal(isGrowing(memorySlope([process(100, seed)])!), true, `seed ${seed}`)
    assert.equal(isGrowing(memorySlope([process(0, seed)])!), false, `seed ${seed}`)
  }
})

test('processes that come and go with a reload are no growth, however large the new ones; one that leaks is', () => {
  const half = HOUR_MS / 2
  const larger = (samples: MemorySample[]) => samples.map(({ atMs, rssMiB }) => ({ atMs, rssMiB: rssMiB + 300 }))
  const replaced = (slope: number) => [process(0, 1, 0, half), larger(process(slope, 2, half))]
  assert.equal(isGrowing(memorySlope(replaced(0))!), false)
  assert.equal(isGrowing(memorySlope([process(0, 1, 0, half / 5), larger(process(200, 2, half / 5))])!), true)
})

test('what is too short is not judged', () => {
  assert.equal(memorySlope([]), undefined)
  assert.equal(memorySlope([[{ atMs: 0, rssMiB: 1 }]]), undefined)
  assert.equal(memorySlope([process(0, 1, 0, 4_000)]), undefined)
})
