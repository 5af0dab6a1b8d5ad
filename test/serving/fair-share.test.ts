import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FAIR_LEAD_MS, FairShare } from '../../src/serving/fair-share.js'
import { ServingSimulation } from '../support/serving-simulation.js'

test('while all wait, nobody gets more than a lead and a batch ahead, however urgent its work', () => {
  const batches = fc.array(
    fc.record({ family: fc.constantFrom('a', 'b', 'c'), ms: fc.integer({ min: 1, max: 300 }) }),
    {
      minLength: 50,
      maxLength: 200,
    },
  )
  fc.assert(
    fc.property(batches, (wishes) => {
      const share = new FairShare()
      const waiting = new Set(['a', 'b', 'c'])
      const served = new Map<string, number>([...waiting].map((family) => [family, 0]))
      for (const { family: urgent, ms } of wishes) {
        const mayRun = share.eligible(waiting)
        const runs = [urgent, ...waiting].find(mayRun)!
        share.charge(runs, ms)
        served.set(runs, served.get(runs)! + ms)
      }
      const spread = Math.max(...served.values()) - Math.min(...served.values())
      assert.ok(spread <= FAIR_LEAD_MS + 300, `${spread}`)
    }),
  )
})

test('a family that did not ask has no time saved up', () => {
  const share = new FairShare()
  for (let batch = 0; batch < 100; batch++) {
    share.eligible(new Set(['busy']))
    share.charge('busy', 100)
  }
  const both = new Set(['busy', 'quiet'])
  let quietRuns = 0
  while (!share.eligible(both)('busy') || quietRuns === 0) {
    share.charge('quiet', 100)
    quietRuns++
  }
  assert.ok(quietRuns <= 2, `${quietRuns} batches before the other one's turn`)
})

test('a family whose requests are few is served while another one is flooded with more urgent work', async () => {
  const simulation = new ServingSimulation({ hiccups: 0, drift: 0, seed: 4 })
  const flood = Array.from({ length: 900 }, (_, index) => ({
    atMs: index * 3,
    lengths: [250],
    tier: 'teacher' as const,
    budgetMs: 400,
    family: 'flooded',
  }))
  const few = Array.from({ length: 10 }, (_, index) => ({
    atMs: 200 + index * 250,
    lengths: [250],
    tier: 'teacher' as const,
    budgetMs: 1_500,
    family: 'quiet',
  }))
  const answers = await simulation.openLoop([...flood, ...few].sort((a, b) => a.atMs - b.atMs))
  const quiet = answers.filter(({ request }) => request.family === 'quiet')
  assert.deepEqual(
    quiet.map(({ code, request, actualMs }) => code ?? actualMs <= request.budgetMs!),
    quiet.map(() => true),
  )
})
