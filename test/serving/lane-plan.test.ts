import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Family } from '../../src/family/load-family.js'
import { familyOfLane, type LaneFacts, type LanePlan, planLanes } from '../../src/serving/lane-plan.js'

const family = (...tiers: string[]) => ({ manifest: { tiers: tiers.map((tier) => ({ tier })) } }) as unknown as Family
const whole = family('teacher', 'balanced', 'fast')
const lone = family('teacher')
const lanes = (facts: Partial<LaneFacts>) =>
  planLanes({ requested: 'auto', onCpu: true, throttled: false, families: [whole, lone], ...facts })
const tiersOf = (of: Family, lane: LanePlan) => familyOfLane(of, lane)?.manifest.tiers.map(({ tier }) => tier)

test('every tier is in one lane, and the cheapest of each family in the one that the other gives way to', () => {
  const [express, background] = lanes({})
  assert.deepEqual(tiersOf(whole, express!), ['fast'])
  assert.deepEqual(tiersOf(whole, background!), ['teacher', 'balanced'])
  assert.deepEqual(tiersOf(lone, express!), ['teacher'])
  assert.equal(tiersOf(lone, background!), undefined)
  assert.ok(express!.niceness < background!.niceness)
})

test('one lane where priority does not decide, or there is nothing to part', () => {
  for (const facts of [{ onCpu: false }, { throttled: true }, { families: [lone] }, { requested: '1' }] as const) {
    const [all, ...others] = lanes(facts)
    assert.equal(others.length, 0, JSON.stringify(facts))
    assert.equal(familyOfLane(whole, all!), whole)
  }
  assert.equal(lanes({ requested: '2', throttled: true, onCpu: false }).length, 2)
})
