import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { TIER_NAMES, type TierName } from '../../src/family/family-schema.js'
import { cascadeReason, escalate, leastConfidence } from '../../src/serving/cascade.js'
import { routeTier } from '../../src/serving/tier-router.js'
import type { Prediction } from '../../src/serving/types.js'
import { type Running, scratchFolder, serveTinyFamily } from '../support/running-classifier.js'

const predicted: Record<TierName, number> = { teacher: 48, balanced: 11, fast: 3 }
const forecast = (tier: TierName) => predicted[tier]

test('a cascade begins with the least accurate tier, whatever the budget would allow', () => {
  const question = { requestedTier: 'auto', onBudgetMiss: 'fastest', tiers: TIER_NAMES, forecast } as const
  const route = routeTier({ ...question, budgetMs: 1_000, cheapestFirst: true })
  assert.deepEqual(route.considered, [{ tier: 'fast', predictedMs: 3 }])
  assert.equal(route.tier, 'fast')
})

test('the next tier is the least accurate one above that fits what is left of the budget', () => {
  assert.equal(escalate('fast', TIER_NAMES, 100, forecast).chosen?.tier, 'balanced')
  assert.equal(escalate('balanced', TIER_NAMES, 100, forecast).chosen?.tier, 'teacher')
  assert.equal(escalate('balanced', TIER_NAMES, 40, forecast).chosen, undefined)
  assert.equal(escalate('teacher', TIER_NAMES, undefined, forecast).chosen, undefined)
  assert.equal(escalate('balanced', TIER_NAMES, undefined, forecast).chosen?.tier, 'teacher')
  const slowBalanced = (tier: TierName) => ({ teacher: 20, balanced: 90, fast: 3 })[tier]
  assert.deepEqual(escalate('fast', TIER_NAMES, 50, slowBalanced), {
    chosen: { tier: 'teacher', predictedMs: 20 },
    considered: [
      { tier: 'balanced', predictedMs: 90 },
      { tier: 'teacher', predictedMs: 20 },
    ],
  })
})

test('an escalation is never predicted to break the budget, and always goes up', () => {
  const times = fc.record({ teacher: fc.nat(200), balanced: fc.nat(200), fast: fc.nat(200) })
  fc.assert(
    fc.property(times, fc.constantFrom(...TIER_NAMES), fc.integer({ min: 1, max: 200 }), (ms, from, budgetMs) => {
      const { chosen } = escalate(from, TIER_NAMES, budgetMs, (tier) => ms[tier])
      const fitting = TIER_NAMES.slice(0, TIER_NAMES.indexOf(from)).filter((tier) => ms[tier] <= budgetMs)
      assert.equal(chosen?.tier, fitting.at(-1))
    }),
  )
})

test('a request is as sure as the least sure of its texts', () => {
  const predictions = [0.9, 0.55, 0.7].map((probability) => ({ probability }) as Prediction)
  assert.equal(leastConfidence(predictions), 0.55)
})

test('the reason says whether a more accurate tier answered, and why none did', () => {
  assert.equal(cascadeReason('most_accurate_within_budget', 1, false), 'escalated')
  assert.equal(cascadeReason('most_accurate_within_budget', 0, true), 'confident')
  assert.equal(cascadeReason('most_accurate_within_budget', 0, false), 'most_accurate_within_budget')
  assert.equal(cascadeReason('budget_infeasible_fastest', 0, true), 'budget_infeasible_fastest')
})

const folder = scratchFolder()
let running: Running

before(async () => {
  running = await serveTinyFamily(folder.dir)
  await running.ready()
})
after(async () => {
  await running.classifier.drain()
  folder.remove()
})

test('an answer that is sure enough stays with the fast tier; one that is not goes up as far as it takes', async () => {
  const fast = await running.classify({ tier: 'fast' })
  const confidence = fast.predictions[0]!.probability
  const sure = await running.classify({ minConfidence: confidence })
  assert.deepEqual([sure.tier, sure.routing.reason, sure.routing.escalations], ['fast', 'confident', 0])
  const never = await running.classify({ minConfidence: 1 })
  assert.deepEqual([never.tier, never.routing.reason, never.routing.escalations], ['teacher', 'escalated', 2])
  const teacher = await running.classify({ tier: 'teacher' })
  assert.ok(Math.abs(never.predictions[0]!.probability - teacher.predictions[0]!.probability) < 1e-5)
  assert.deepEqual(
    never.routing.considered.map(({ tier }) => tier),
    ['fast', 'balanced', 'teacher'],
  )
})

test('without budget left the first answer stands', async () => {
  const { tier, routing } = await running.classify({ minConfidence: 1, budgetMs: 0.001 })
  assert.equal(routing.escalations, 0)
  assert.equal(routing.budgetMet, false)
  // tiny tiers take alike: where the one predicted to be fastest is not the cheapest, that one may answer in its place
  const weighed = routing.considered.slice(0, TIER_NAMES.length)
  const fastest = weighed.reduce((best, one) => (one.predictedMs < best.predictedMs ? one : best)).tier
  const fellBack = routing.reason === 'fell_back'
  if (!fellBack) assert.equal(routing.reason, 'budget_infeasible_fastest')
  else assert.notEqual(fastest, 'fast')
  assert.equal(tier, fellBack ? 'fast' : fastest)
})
