import assert from 'node:assert/strict'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { createDropout, NOISE_LENGTH } from '../../../training/nn/dropout.js'
import { createRandom } from '../../../training/random.js'

await tf.setBackend('cpu')

const layout = { groups: 4, rows: 48, columns: 96 }
const shape: [number, number] = [layout.groups * layout.rows, layout.columns]
const size = shape[0] * shape[1]
const rate = 0.1
const noise = (seed: number) => tf.tensor1d(createRandom(seed).uniformVector(NOISE_LENGTH))

/** masks of several sites over one noise vector, 1 where an entry was kept */
function masks(seed: number, sites: number, pass?: { index: number; count: number }): number[][] {
  return tf.tidy(() => {
    const dropout = createDropout(noise(seed), { sites: 8, ...(pass && { pass }) })
    return Array.from({ length: sites }, () =>
      [...dropout.apply(tf.ones(shape), layout, rate).dataSync()].map((value) => (value > 0 ? 1 : 0)),
    )
  })
}

/** Pearson correlation in units of its standard error under independence */
function correlationScore(a: number[], b: number[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [meanA, meanB] = [mean(a), mean(b)]
  let [covariance, varianceA, varianceB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    covariance += (a[i]! - meanA) * (b[i]! - meanB)
    varianceA += (a[i]! - meanA) ** 2
    varianceB += (b[i]! - meanB) ** 2
  }
  return (covariance / Math.sqrt(varianceA * varianceB)) * Math.sqrt(a.length)
}

const rootMeanSquare = (values: number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length)

test('a mask keeps 1 − rate of the entries and scales them by 1/(1 − rate)', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const values = createDropout(noise(seed), { sites: 1 }).apply(tf.ones(shape), layout, rate).dataSync()
    const kept = values.filter((value) => value > 0)
    assert.ok(Math.abs(kept.length / size - (1 - rate)) < 5 * Math.sqrt((rate * (1 - rate)) / size))
    assert.ok(kept.every((value) => Math.abs(value - 1 / (1 - rate)) < 1e-6))
  }
})

test('every row and every column loses about its share, as independent entries would', () => {
  const [mask] = masks(2, 1)
  const rows = Array.from({ length: shape[0] }, (_, row) => mask!.slice(row * shape[1], (row + 1) * shape[1]))
  const columns = Array.from({ length: shape[1] }, (_, column) => rows.map((row) => row[column]!))
  for (const lines of [rows, columns]) {
    const scores = lines.map((line) => {
      const kept = line.reduce((sum, value) => sum + value, 0) / line.length
      return (kept - (1 - rate)) / Math.sqrt((rate * (1 - rate)) / line.length)
    })
    assert.ok(Math.abs(rootMeanSquare(scores) - 1) < 0.25, String(rootMeanSquare(scores)))
    assert.ok(Math.max(...scores.map(Math.abs)) < 5)
  }
})

test('rows, columns, sites and micro-batches are uncorrelated', () => {
  const sites = masks(3, 6)
  const [mask] = sites
  const row = (index: number) => mask!.slice(index * shape[1], (index + 1) * shape[1])
  const column = (index: number) => Array.from({ length: shape[0] }, (_, i) => mask![i * shape[1] + index]!)
  const neighbours: number[] = []
  for (let i = 0; i + 1 < shape[0]; i++) neighbours.push(correlationScore(row(i), row(i + 1)))
  for (let i = 0; i + 1 < shape[1]; i++) neighbours.push(correlationScore(column(i), column(i + 1)))
  for (let i = 0; i + layout.rows < shape[0]; i++) neighbours.push(correlationScore(row(i), row(i + layout.rows)))
  assert.ok(Math.abs(rootMeanSquare(neighbours) - 1) < 0.15, String(rootMeanSquare(neighbours)))
  const others = [...sites.slice(1), ...masks(3, 6, { index: 1, count: 2 })]
  for (const other of others) assert.ok(Math.abs(correlationScore(mask!, other)) < 4.5)
})

test('the same noise gives the same masks, the noise of another step others', () => {
  assert.deepEqual(masks(4, 3), masks(4, 3))
  assert.ok(Math.abs(correlationScore(masks(4, 1)[0]!, masks(5, 1)[0]!)) < 4.5)
})

test('the gradient flows through kept entries only, scaled as they were', () => {
  const x = tf.randomNormal(shape, 0, 1, 'float32', 1)
  const [value, gradient] = tf.tidy(() => {
    const run = (input: tf.Tensor) => createDropout(noise(6), { sites: 1 }).apply(input, layout, rate)
    return [
      run(x).dataSync(),
      tf
        .grad((input) => tf.sum(run(input)))(x)
        .dataSync(),
    ]
  })
  for (let i = 0; i < size; i++) {
    const expected = value![i] === 0 ? 0 : 1 / (1 - rate)
    assert.ok(Math.abs(gradient![i]! - expected) < 1e-6)
  }
})

test('a rate of 0 changes nothing and draws no mask', () => {
  const x = tf.ones(shape)
  assert.equal(createDropout(noise(7), { sites: 0 }).apply(x, layout, 0), x)
})

test('a batch that needs more noise than there is is refused with a way out', () => {
  const dropout = createDropout(tf.zeros([64]), { sites: 1 })
  assert.throws(
    () => dropout.apply(tf.ones(shape), layout, rate),
    /needs 148 noise values and has 64; use a smaller batch/,
  )
  assert.throws(() => dropout.apply(tf.ones(shape), layout, 1), { code: 'INVALID_CONFIGURATION' })
})
