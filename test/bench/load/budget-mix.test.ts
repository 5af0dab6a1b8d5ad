import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { budgetMix } from '../../../bench/load/budget-mix.js'

test('every tier is the most accurate one that fits some budget of an idle server', () => {
  const idle = [
    { tier: 'teacher', p90Ms: 100 },
    { tier: 'balanced', p90Ms: 40 },
    { tier: 'fast', p90Ms: 10 },
  ] as const
  const budgets = budgetMix(idle)
  assert.deepEqual(budgets, [15, 60, 150, 300, 1_000])
  const chosen = budgets.map((budgetMs) => idle.find(({ p90Ms }) => p90Ms <= budgetMs)?.tier)
  assert.deepEqual(chosen, ['fast', 'balanced', 'teacher', 'teacher', 'teacher'])
})

test('budgets ascend, differ, and are ones that the API takes', () =>
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 3 }), (latencies) => {
      const budgets = budgetMix(latencies.map((p90Ms) => ({ tier: 'teacher', p90Ms })))
      assert.ok(budgets.every((ms, i) => ms > (budgets[i - 1] ?? 0) && ms <= 60_000))
    }),
  ))
