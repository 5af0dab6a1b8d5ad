import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createRandom } from '../../training/random.js'

const seeds = fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 })

test('equal seeds give equal sequences, different seeds different ones', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const first = createRandom(seed).uniformVector(8)
      assert.deepEqual(createRandom(seed).uniformVector(8), first)
      assert.notDeepEqual(createRandom(seed + 1).uniformVector(8), first)
    }),
  )
})

test('a restored state continues where it was saved', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 0, max: 50 }), (seed, drawn) => {
      const random = createRandom(seed)
      random.uniformVector(drawn)
      const saved = random.state()
      const expected = [random.normal(), random.integer(1000), random.next()]
      const other = createRandom(1)
      other.restore(JSON.parse(JSON.stringify(saved)))
      assert.deepEqual([other.normal(), other.integer(1000), other.next()], expected)
    }),
  )
})

test('shuffling keeps every item and reaches every order about equally often', () => {
  const random = createRandom(7)
  const counts = new Map<string, number>()
  for (let i = 0; i < 6000; i++) {
    const order = random.shuffle(['a', 'b', 'c']).join('')
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  assert.equal(counts.size, 6)
  for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 150, String(count)) // 5 standard deviations
})

test('normal values have the asked standard deviation, uniform ones the mean and variance of [0, 1)', () => {
  const random = createRandom(11)
  const draws = 40_000
  const normal = Array.from({ length: draws }, () => random.normal(0.02))
  const uniform = [...random.uniformVector(draws)]
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = (values: number[]) => mean(values.map((value) => value * value)) - mean(values) ** 2
  assert.ok(Math.abs(mean(normal)) < 0.02 * 5 * (1 / Math.sqrt(draws)))
  assert.ok(Math.abs(variance(normal) / 0.0004 - 1) < 0.05)
  assert.ok(Math.abs(mean(uniform) - 0.5) < 0.01)
  assert.ok(Math.abs(variance(uniform) - 1 / 12) < 0.006)
  assert.ok(uniform.every((value) => value >= 0 && value < 1))
})

test('a fork depends on the seed and the label, not on what was drawn before', () => {
  const random = createRandom(3)
  const before = random.fork('dropout').next()
  random.uniformVector(100)
  assert.equal(random.fork('dropout').next(), before)
  assert.notEqual(random.fork('shuffle').next(), before)
  assert.notEqual(createRandom(4).fork('dropout').next(), before)
})
