import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { benchBudget } from '../../bench/budget.js'
import { serveOptions } from '../../bench/serving/serve-options.js'
import { writeTinyFamily } from '../support/tiny-family.js'

let models: string

before(async () => {
  models = await mkdtemp(join(tmpdir(), 'lextier-bench-models-'))
  await writeTinyFamily(join(models, 'tiny'), { tiers: ['teacher', 'fast'] })
})

after(() => rm(models, { recursive: true, force: true }))

test('the budget bench sends every policy the same requests and holds routing against a split that attains as much', async () => {
  const flags = { provider: 'cpu', textColumn: 'facts', texts: '32', seconds: '0.2', load: '0.1', seed: '1' }
  const options = serveOptions({ ...flags, budgets: '40,400', models, engines: '1', threads: '1' })
  const result = await benchBudget(options, [0.5], () => {})
  const [load] = result.loads
  const { policies, splitAtEqualAttainment: split, rankOverSplit } = load!
  assert.deepEqual(
    policies.map(({ policy }) => policy),
    ['routed', 'table by budget', 'always fast', 'split 0.5', 'always teacher'],
  )
  assert.ok(policies[0]!.requests > 0)
  for (const { requests, feasible, tiers, errors } of policies) {
    assert.deepEqual([requests, feasible], [policies[0]!.requests, policies[0]!.feasible])
    const ended = [...Object.values(tiers), ...Object.values(errors)].reduce((sum, count) => sum + count, 0)
    assert.equal(ended, requests)
  }
  assert.deepEqual(Object.keys(policies.at(-1)!.tiers), ['teacher'], 'a named tier is obeyed')
  assert.equal(rankOverSplit === null, split === null)
  if (split) assert.ok(Math.abs(rankOverSplit! - (policies[0]!.meanRank! - split.level)) < 1e-12)
})
