import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { feasibility } from '../../../bench/budget/feasible.js'

/** Ten ms and a tenth of one a token, as a server without noise takes. */
const even = Array.from({ length: 50 }, (_, index) => ({ tokens: 10 * (index + 1), ms: 10 + index + 1 }))

test('a budget is feasible where idle requests of about that length were answered within it', () => {
  const isFeasible = feasibility(even)
  assert.equal(isFeasible(250, 10 + 25 - 8), false)
  assert.equal(isFeasible(250, 10 + 25 + 8), true)
  assert.equal(isFeasible(10, 5), false)
})

test('beyond the longest sample, time grows in proportion', () => {
  const isFeasible = feasibility(even)
  assert.equal(isFeasible(1_000, 100), false)
  assert.equal(isFeasible(1_000, 121), true)
})

test('one slow answer among many does not make a length infeasible', () => {
  const samples = even.map((sample) => (sample.tokens === 250 ? { ...sample, ms: 500 } : sample))
  assert.equal(feasibility(samples)(250, 10 + 25 + 8), true)
})

test('what is feasible stays so for shorter texts and for longer budgets', () => {
  const samples = fc.array(
    fc.record({ tokens: fc.integer({ min: 1, max: 500 }), ms: fc.double({ min: 0.1, max: 500, noNaN: true }) }),
    {
      minLength: 1,
      maxLength: 60,
    },
  )
  fc.assert(
    fc.property(
      samples,
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 100 }),
      (idle, tokens, shorter) => {
        const isFeasible = feasibility(idle)
        const budgetMs = 100
        if (!isFeasible(tokens, budgetMs)) return
        assert.ok(isFeasible(tokens, budgetMs + 1))
        assert.ok(isFeasible(Math.max(1, tokens - shorter), budgetMs))
      },
    ),
  )
})
