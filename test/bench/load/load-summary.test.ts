import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summariseLoad } from '../../../bench/load/load-summary.js'
import type { Answer, Observation } from '../../../bench/load/observation.js'

const answer = (fields: Partial<Answer> = {}): Answer => ({
  tier: 'fast',
  reason: 'most_accurate_within_budget',
  predictedMs: 10,
  actualMs: 8,
  budgetMet: true,
  texts: 1,
  tokens: 100,
  ...fields,
})

const seen = (latencyMs: number, outcome: Observation['outcome'], budgetMs?: number, lagMs = 0): Observation => ({
  intendedMs: 1_000,
  sentMs: 1_000 + lagMs,
  endedMs: 1_000 + latencyMs,
  budgetMs,
  outcome,
})

test('latency counts from the intended send, and a request without an answer is a miss of its budget', () => {
  const summary = summariseLoad([
    seen(9, answer(), 20),
    // the server kept its time; the caller waited for the generator too
    seen(22, answer({ actualMs: 18, predictedMs: 15 }), 20, 4),
    seen(50, answer({ tier: 'teacher', actualMs: 45, predictedMs: 60, reason: 'no_budget', budgetMet: undefined })),
    seen(1, { errorCode: 'OVERLOADED' }, 40),
    seen(41, answer({ reason: 'budget_infeasible_fastest', actualMs: 41, predictedMs: 42, budgetMet: false }), 40),
  ])
  assert.deepEqual([summary.requests, summary.answered], [5, 4])
  assert.deepEqual(summary.errors, { OVERLOADED: 1 })
  assert.deepEqual(summary.latency, { p50Ms: 22, p90Ms: 50, p99Ms: 50, maxMs: 50 })
  assert.equal(summary.sendLag.maxMs, 4)
  assert.deepEqual(summary.tiers, { fast: 3, teacher: 1 })
  assert.deepEqual(summary.reasons, { most_accurate_within_budget: 2, no_budget: 1, budget_infeasible_fastest: 1 })
  assert.deepEqual(summary.budget, {
    requests: 4,
    metSeenByClient: 1 / 4,
    metSaidByServer: 2 / 4,
    metWherePromised: 1,
    byBudget: [
      { budgetMs: 20, requests: 2, met: 1 },
      { budgetMs: 40, requests: 2, met: 0 },
    ],
  })
  assert.equal(summary.prediction?.within, 3 / 4)
  assert.equal(summary.prediction?.medianRatio, 0.8)
})

test('without budgets and without answers there is nothing to say of either', () => {
  const summary = summariseLoad([seen(1, { errorCode: 'ECONNREFUSED' })])
  assert.deepEqual([summary.budget, summary.prediction, summary.latency.p50Ms], [null, null, null])
})
