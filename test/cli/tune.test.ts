import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bestLayout, candidateLayouts, environmentFile, type LayoutMeasurement } from '../../src/cli/tune-plan.js'
import { serveConfig } from '../../src/config/serve-config.js'

test('layouts never ask for more threads than there are CPUs, and hold both extremes', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 200, noNaN: true }), (cpus) => {
      const layouts = candidateLayouts(cpus)
      const whole = Math.max(1, Math.floor(cpus))
      for (const { engines, threads } of layouts) assert.ok(engines >= 1 && threads >= 1 && engines * threads <= whole)
      assert.ok(layouts.some(({ engines, threads }) => engines === 1 && threads === whole))
      assert.ok(layouts.some(({ engines, threads }) => engines === Math.min(4, whole) && threads === 1))
      assert.equal(new Set(layouts.map((layout) => JSON.stringify(layout))).size, layouts.length)
    }),
  )
})

test('on two CPUs three layouts are tried', () => {
  assert.deepEqual(candidateLayouts(2.5), [
    { engines: 1, threads: 1 },
    { engines: 1, threads: 2 },
    { engines: 2, threads: 1 },
  ])
})

const layout = (engines: number, threads: number, idleMs: number, textsPerSecond: number): LayoutMeasurement => ({
  engines,
  threads,
  tiers: [
    { tier: 'teacher', idleMs: 5 * idleMs, textsPerSecond: textsPerSecond / 5 },
    { tier: 'fast', idleMs, textsPerSecond },
  ],
})

test('the goal decides: the shortest lone requests, the most texts, or the best of both', () => {
  const measured = [layout(1, 1, 12, 90), layout(1, 2, 10, 100), layout(2, 1, 16, 130)]
  assert.equal(bestLayout(measured, 'latency'), measured[1])
  assert.equal(bestLayout(measured, 'throughput'), measured[2])
  assert.equal(bestLayout(measured, 'balanced'), measured[1])
})

test('layouts that are alike in what was asked for are told apart by the rest', () => {
  const measured = [layout(1, 2, 10, 100), layout(2, 1, 10.1, 130)]
  assert.equal(bestLayout(measured, 'latency'), measured[1])
})

test('how quick the cheapest tier stays beside the others counts among lone requests', () => {
  const measured = [
    { ...layout(1, 2, 10, 100), besideMs: 20 },
    { ...layout(2, 1, 11, 100), besideMs: 12 },
  ]
  assert.equal(bestLayout(measured, 'latency'), measured[1])
})

test('serve reads what tune writes', () => {
  const lines = environmentFile({ engines: 2, threads: 1 }, '2', 'balanced').trim().split('\n')
  const variables = Object.fromEntries(lines.filter((line) => !line.startsWith('#')).map((line) => line.split('=')))
  const { engines, threads, lanes } = serveConfig(variables, {})
  assert.deepEqual([engines, threads, lanes], [2, 1, '2'])
})
