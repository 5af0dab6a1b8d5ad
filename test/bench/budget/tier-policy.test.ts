import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accuracyRank, budgetTable, ROUTED, staticSplit } from '../../../bench/budget/tier-policy.js'
import type { TierName } from '../../../src/family/family-schema.js'

const TIERS: readonly TierName[] = ['teacher', 'balanced', 'fast']
const draws = Array.from({ length: 1_000 }, (_, index) => (index + 0.5) / 1_000)

test('the mean accuracy rank of a static split is its level', () => {
  for (const level of [0, 0.1, 0.25, 0.5, 0.8, 1]) {
    for (const tiers of [TIERS, ['teacher', 'fast'] as const]) {
      const policy = staticSplit(tiers, level)
      const ranks = draws.map((draw) => accuracyRank(tiers, policy.choose(draw, 50) as TierName))
      const mean = ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length
      assert.ok(Math.abs(mean - level) < 0.002, `level ${level} of ${tiers.length} tiers has mean rank ${mean}`)
    }
  }
})

test('a family of one tier has nothing to split', () => {
  assert.equal(staticSplit(['fast'], 0.5).choose(0.3, 50), 'fast')
  assert.equal(accuracyRank(['fast'], 'fast'), 1)
})

test('a table takes the most accurate tier whose idle latency fits, and the quickest where none does', () => {
  const idle = [
    { tier: 'teacher', p90Ms: 80 },
    { tier: 'balanced', p90Ms: 40 },
    { tier: 'fast', p90Ms: 15 },
  ] as const
  const policy = budgetTable(idle)
  assert.deepEqual(
    [10, 25, 50, 100].map((budgetMs) => policy.choose(0.5, budgetMs)),
    ['fast', 'fast', 'balanced', 'teacher'],
  )
  assert.equal(ROUTED.choose(0.5, 10), 'auto')
})
