import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussLegendre } from '../../../training/attribution/gauss-legendre.js'
import { chunkSize, integrationPath } from '../../../training/attribution/integration-path.js'

test('nodes and weights are the closed forms of three points', () => {
  const { nodes, weights } = gaussLegendre(3)
  const expected = [-Math.sqrt(3 / 5), 0, Math.sqrt(3 / 5)].map((x) => (1 + x) / 2)
  for (const [i, node] of nodes.entries()) assert.ok(Math.abs(node - expected[i]!) < 1e-15)
  for (const [i, weight] of weights.entries()) assert.ok(Math.abs(weight - [5 / 18, 8 / 18, 5 / 18][i]!) < 1e-15)
})

test('powers up to 2 · count − 1 are integrated exactly, the next one is not', () => {
  for (const count of [1, 2, 5, 50]) {
    const { nodes, weights } = gaussLegendre(count)
    const integral = (power: number) => nodes.reduce((sum, node, i) => sum + weights[i]! * node ** power, 0)
    for (let power = 0; power < 2 * count; power++) {
      assert.ok(Math.abs(integral(power) - 1 / (power + 1)) < 1e-14, `${count} nodes, power ${power}`)
    }
    if (count <= 5) assert.ok(Math.abs(integral(2 * count) - 1 / (2 * count + 1)) > 1e-8)
  }
})

test('a path of 50 steps has the ends for the delta and is cut without a rest', () => {
  const path = integrationPath()
  assert.equal(path.alphas.length, 52)
  assert.deepEqual([path.alphas[0], path.alphas[51], path.weights[0], path.weights[51]], [0, 1, 0, 0])
  assert.ok(path.alphas.every((alpha, i) => i === 0 || alpha > path.alphas[i - 1]!))
  assert.deepEqual(
    [100, 51, 12, 3.9, 0.1].map((most) => chunkSize(path, most)),
    [52, 26, 4, 2, 1],
  )
  assert.throws(() => integrationPath(0), { code: 'INVALID_CONFIGURATION' })
})
