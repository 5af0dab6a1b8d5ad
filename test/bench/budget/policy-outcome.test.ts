import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyOutcome, splitAtEqualAttainment } from '../../../bench/budget/policy-outcome.js'
import type { Answer, Observation } from '../../../bench/load/observation.js'
import type { TierName } from '../../../src/family/family-schema.js'

const TIERS = [
  { tier: 'teacher', accuracy: 0.8 },
  { tier: 'fast', accuracy: 0.7 },
] as const

function answered(tier: TierName, ms: number, reason: Answer['reason'] = 'requested'): Observation {
  const outcome = { tier, reason, predictedMs: ms, actualMs: ms, budgetMet: ms <= 50, texts: 1, tokens: 10 }
  return { intendedMs: 100, sentMs: 101, endedMs: 100 + ms, budgetMs: 50, outcome }
}

const refused: Observation = {
  intendedMs: 0,
  sentMs: 0,
  endedMs: 1,
  budgetMs: 50,
  outcome: { errorCode: 'OVERLOADED' },
}

test('attainment counts feasible requests from the intended send, and errors as misses', () => {
  const outcome = policyOutcome(
    [
      { observation: answered('teacher', 40, 'most_accurate_within_budget'), feasible: true },
      { observation: answered('fast', 60, 'most_accurate_within_budget'), feasible: true },
      { observation: answered('fast', 20), feasible: true },
      { observation: refused, feasible: true },
      { observation: answered('fast', 90), feasible: false },
    ],
    TIERS,
  )
  assert.equal(outcome.attainment, 2 / 4)
  assert.equal(outcome.attainmentOfAll, 2 / 5)
  assert.equal(outcome.promisesKept, 1 / 2)
  assert.equal(outcome.meanRank, 1 / 4)
  assert.ok(Math.abs(outcome.meanAccuracy! - 0.725) < 1e-12)
  assert.deepEqual(outcome.tiers, { teacher: 1, fast: 3 })
  assert.deepEqual(outcome.errors, { OVERLOADED: 1 })
})

test('where nothing was answered there is no accuracy', () => {
  const outcome = policyOutcome([{ observation: refused, feasible: true }], TIERS)
  assert.deepEqual([outcome.attainment, outcome.meanRank, outcome.meanAccuracy], [0, null, null])
})

test('the static split of equal attainment lies between the measured ones', () => {
  const points = [
    { level: 1, attainment: 0.5, meanAccuracy: 0.8 },
    { level: 0, attainment: 1, meanAccuracy: 0.7 },
    { level: 0.5, attainment: 0.9, meanAccuracy: 0.75 },
  ]
  const between = splitAtEqualAttainment(points, 0.8)!
  assert.ok(Math.abs(between.level - 0.625) < 1e-12)
  assert.ok(Math.abs(between.meanAccuracy - 0.7625) < 1e-12)
  assert.equal(splitAtEqualAttainment(points, 0.4)!.level, 1)
})

test('no split equals a routing that attains more than always the quickest tier', () => {
  assert.equal(splitAtEqualAttainment([{ level: 0, attainment: 0.9, meanAccuracy: 0.7 }], 0.95), null)
})
