import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Observation } from '../../../bench/load/observation.js'
import { packObservations, unpackObservations } from '../../../bench/load/pack-observations.js'
import { TIER_NAMES } from '../../../src/family/family-schema.js'

const ms = fc.integer({ min: 0, max: 1_000_000 })
const answer = fc.record(
  {
    tier: fc.constantFrom(...TIER_NAMES),
    reason: fc.constantFrom('requested' as const, 'most_accurate_within_budget' as const),
    predictedMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
    actualMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
    budgetMet: fc.option(fc.boolean(), { nil: undefined }),
    texts: fc.integer({ min: 1, max: 64 }),
    tokens: ms,
  },
  { noNullPrototype: true },
)
const observation: fc.Arbitrary<Observation> = fc.record(
  {
    intendedMs: ms,
    sentMs: ms,
    endedMs: ms,
    budgetMs: fc.option(fc.double({ min: 0.1, max: 1e5, noNaN: true }), { nil: undefined }),
    outcome: fc.oneof(
      answer,
      fc.constantFrom('OVERLOADED', 'ECONNRESET').map((errorCode) => ({ errorCode })),
    ),
  },
  { noNullPrototype: true },
)

test('packed observations come back whole, times moved from one clock to the other', () =>
  fc.assert(
    fc.property(fc.array(observation), ms, ms, (observations, ownMs, theirsMs) => {
      const back = unpackObservations(packObservations(observations, theirsMs), ownMs)
      const movedMs = theirsMs - ownMs
      assert.deepEqual(
        back,
        observations.map((one) => ({
          ...one,
          intendedMs: one.intendedMs + movedMs,
          sentMs: one.sentMs + movedMs,
          endedMs: one.endedMs + movedMs,
        })),
      )
    }),
  ))
