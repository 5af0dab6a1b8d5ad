import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TIER_NAMES, type TierName } from '../../src/family/family-schema.js'
import { queueWaitMs } from '../../src/serving/queue-wait.js'
import { requestDeadlineMs } from '../../src/serving/request-deadline.js'
import { fallBackTier, routeTier } from '../../src/serving/tier-router.js'

const forecasts = fc.record({
  teacher: fc.double({ min: 0.1, max: 500, noNaN: true }),
  balanced: fc.double({ min: 0.1, max: 500, noNaN: true }),
  fast: fc.double({ min: 0.1, max: 500, noNaN: true }),
})
const ask = (
  predicted: Record<TierName, number>,
  question: { tier?: TierName; budgetMs?: number; onBudgetMiss?: 'fastest' | 'reject' },
) =>
  routeTier({
    requestedTier: question.tier ?? 'auto',
    budgetMs: question.budgetMs,
    onBudgetMiss: question.onBudgetMiss ?? 'fastest',
    tiers: TIER_NAMES,
    forecast: (tier) => predicted[tier],
  })

test('the tier chosen is the most accurate one predicted to meet the budget, else the fastest', () => {
  fc.assert(
    fc.property(forecasts, fc.double({ min: 0.1, max: 600, noNaN: true }), (predicted, budgetMs) => {
      const route = ask(predicted, { budgetMs })
      const feasible = TIER_NAMES.find((tier) => predicted[tier] <= budgetMs)
      if (feasible) {
        assert.equal(route.tier, feasible)
        assert.equal(route.reason, 'most_accurate_within_budget')
      } else {
        assert.equal(predicted[route.tier], Math.min(...Object.values(predicted)))
        assert.equal(route.reason, 'budget_infeasible_fastest')
        assert.deepEqual(
          route.considered.map(({ tier }) => tier),
          TIER_NAMES,
        )
      }
      assert.equal(route.predictedMs, predicted[route.tier])
    }),
  )
})

const late = (expected: Record<TierName, number>) => ({
  expectedLate: (tier: TierName) => expected[tier],
  toleratedLate: 0.03,
})

test('a tier that would make others late is passed over for the most accurate one that does not', () => {
  const question = { requestedTier: 'auto', onBudgetMiss: 'fastest', tiers: TIER_NAMES } as const
  const forecast = (tier: TierName) => ({ teacher: 40, balanced: 20, fast: 10 })[tier]
  const routed = (expected: Record<TierName, number>) =>
    routeTier({ ...question, budgetMs: 100, forecast, ...late(expected) })
  assert.deepEqual(routed({ teacher: 0.2, balanced: 0.02, fast: 0 }), {
    tier: 'balanced',
    predictedMs: 20,
    reason: 'protects_others',
    considered: [
      { tier: 'teacher', predictedMs: 40 },
      { tier: 'balanced', predictedMs: 20 },
    ],
  })
  assert.equal(routed({ teacher: 0.2, balanced: 0.1, fast: 0 }).tier, 'fast')
  const unharmful = routed({ teacher: 2.02, balanced: 2.01, fast: 2 })
  assert.equal(unharmful.tier, 'teacher', 'late in any case')
  assert.equal(unharmful.reason, 'most_accurate_within_budget')
})

test('a named tier, or no budget, is kept whatever it does to others; so is the only tier that meets the budget', () => {
  const harmful = late({ teacher: 9, balanced: 5, fast: 0 })
  const question = { onBudgetMiss: 'fastest', tiers: TIER_NAMES, ...harmful } as const
  const forecast = (tier: TierName) => ({ teacher: 40, balanced: 20, fast: 60 })[tier]
  assert.equal(routeTier({ ...question, requestedTier: 'teacher', budgetMs: 100, forecast }).tier, 'teacher')
  assert.equal(routeTier({ ...question, requestedTier: 'auto', budgetMs: undefined, forecast }).reason, 'no_budget')
  const only = routeTier({ ...question, requestedTier: 'auto', budgetMs: 30, forecast })
  assert.deepEqual([only.tier, only.reason], ['balanced', 'most_accurate_within_budget'])
})

test('tiers are weighed from the most accurate one down to the one chosen', () => {
  const route = ask({ teacher: 48, balanced: 11, fast: 3 }, { budgetMs: 25 })
  assert.deepEqual(route, {
    tier: 'balanced',
    predictedMs: 11,
    reason: 'most_accurate_within_budget',
    considered: [
      { tier: 'teacher', predictedMs: 48 },
      { tier: 'balanced', predictedMs: 11 },
    ],
  })
})

test('a named tier is never exchanged for another', () => {
  fc.assert(
    fc.property(
      forecasts,
      fc.constantFrom(...TIER_NAMES),
      fc.option(fc.double({ min: 0.1, max: 600, noNaN: true }), { nil: undefined }),
      (predicted, tier, budgetMs) => {
        const route = ask(predicted, { tier, ...(budgetMs !== undefined && { budgetMs }) })
        assert.equal(route.tier, tier)
        assert.equal(route.reason, 'requested')
        assert.deepEqual(route.considered, [{ tier, predictedMs: predicted[tier] }])
      },
    ),
  )
})

test('without a budget the teacher answers', () => {
  const route = ask({ teacher: 480, balanced: 11, fast: 3 }, {})
  assert.equal(route.tier, 'teacher')
  assert.equal(route.reason, 'no_budget')
})

test('a caller who asks for a refusal is told the fastest predicted latency', () => {
  assert.throws(() => ask({ teacher: 48, balanced: 11, fast: 30 }, { budgetMs: 5, onBudgetMiss: 'reject' }), {
    code: 'BUDGET_INFEASIBLE',
    message: /within 5 ms; the fastest would take about 11 ms/,
  })
  assert.equal(ask({ teacher: 48, balanced: 11, fast: 3 }, { budgetMs: 5, onBudgetMiss: 'reject' }).tier, 'fast')
})

test('the wait is when the first engine has nothing ahead, the work shared out evenly', () => {
  assert.equal(queueWaitMs([0, 50], 0), 0)
  assert.equal(queueWaitMs([30, 50], 0), 30)
  assert.equal(queueWaitMs([0, 50], 40), 40)
  assert.equal(queueWaitMs([0, 50], 70), 60)
  assert.equal(queueWaitMs([10, 10, 10], 30), 20)
  assert.equal(queueWaitMs([], 30), 0)
})

test('the wait grows with the work ahead and conserves it', () => {
  const busy = fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(busy, fc.integer({ min: 0, max: 2_000 }), (busyMs, workMs) => {
      const level = queueWaitMs(busyMs, workMs)
      const poured = busyMs.reduce((sum, floor) => sum + Math.max(0, level - floor), 0)
      assert.ok(Math.abs(poured - workMs) < 1e-6)
      assert.ok(level >= Math.min(...busyMs))
    }),
  )
})

test('a deadline is the budget from arrival, and twice the idle time for a budget that no idle server meets', () => {
  assert.equal(requestDeadlineMs(1_000, 25, 11), 1_025)
  assert.equal(requestDeadlineMs(1_000, 5, 11), 1_022)
  assert.equal(requestDeadlineMs(1_000, undefined, 11), undefined)
})

test('what a tier would be too late for falls to the cheapest one, unless a tier was named', () => {
  const falls = (
    chosen: TierName,
    requestedTier: 'auto' | TierName = 'auto',
    tiers: readonly TierName[] = TIER_NAMES,
  ) => fallBackTier(chosen, { requestedTier, tiers })
  assert.equal(falls('teacher'), 'fast')
  assert.equal(falls('balanced'), 'fast')
  assert.equal(falls('fast'), undefined)
  assert.equal(falls('teacher', 'teacher'), undefined)
  assert.equal(falls('teacher', 'auto', ['teacher', 'balanced']), 'balanced')
  assert.equal(falls('teacher', 'auto', ['teacher']), undefined)
})
