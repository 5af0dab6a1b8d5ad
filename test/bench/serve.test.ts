import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { benchServing } from '../../bench/serve.js'
import { serveOptions } from '../../bench/serving/serve-options.js'
import { serveTable } from '../../bench/serving/serve-table.js'
import { writeTinyFamily } from '../support/tiny-family.js'

let models: string

before(async () => {
  models = await mkdtemp(join(tmpdir(), 'lextier-bench-models-'))
  await writeTinyFamily(join(models, 'tiny'), { tiers: ['teacher', 'fast'] })
})

after(() => rm(models, { recursive: true, force: true }))

const flags = { provider: 'cpu', textColumn: 'facts', texts: '32', seconds: '0.5', load: '0.2', seed: '1' }

test('the serving bench measures a real server beside bare session.run', async () => {
  const phases: string[] = []
  const options = serveOptions({ ...flags, models, engines: '1', threads: '1' })
  const result = await benchServing(options, (phase) => phases.push(phase))
  assert.deepEqual([result.family, result.server.provider, result.server.threads], ['tiny', 'cpu', 1])
  assert.deepEqual(
    result.tiers.map(({ tier }) => tier),
    ['teacher', 'fast'],
  )
  for (const { tier, capacity, raw, shareOfRaw } of result.tiers) {
    assert.deepEqual(Object.keys(capacity.load.tiers), [tier], 'a named tier is obeyed')
    assert.ok(capacity.load.answered > 0 && capacity.textsPerSecond > 0)
    assert.ok(raw.oneByOne.tokensPerSecond > 0 && raw.lengthSorted.tokensPerSecond > 0)
    assert.ok(shareOfRaw > 0)
  }
  assert.ok(result.budgetsMs.length > 1)
  const [load] = result.openLoop
  assert.ok(load!.requests > 0 && load!.budget!.requests === load!.requests)
  assert.equal(load!.answered + Object.values(load!.errors).reduce((sum, count) => sum + count, 0), load!.requests)
  const table = serveTable(result)
  for (const word of ['synthetic', 'teacher', 'auto, mixed budgets', 'share of best']) assert.ok(table.includes(word))
  assert.ok(phases.includes('fast: raw session.run'))
  assert.ok(!JSON.stringify(result).includes('"body"'), 'texts are not part of the result')
})

test('a wrong flag is named with what it takes', () => {
  assert.throws(() => serveOptions({ ...flags, seconds: 'ten' }), {
    code: 'INVALID_CONFIGURATION',
    message: /--seconds.*"ten"/,
  })
  assert.throws(() => serveOptions({ ...flags, load: '0.5,' }), { code: 'INVALID_CONFIGURATION', message: /--load/ })
  assert.throws(() => serveOptions({ ...flags, connections: '2.5' }), { message: /whole number/ })
})

test('a family that is not there, and a server that cannot start, end the bench with a reason', async () => {
  await assert.rejects(
    benchServing(serveOptions({ ...flags, models, family: 'nope' }), () => {}),
    {
      code: 'INVALID_CONFIGURATION',
      message: /which has: tiny/,
    },
  )
  await assert.rejects(
    benchServing(serveOptions({ ...flags, models, provider: 'nope' }), () => {}),
    {
      code: 'NOT_READY',
      message: /INVALID_CONFIGURATION.*provider/,
    },
  )
  await writeTinyFamily(join(models, 'altered'), { name: 'altered', tiers: ['fast'] })
  await appendFile(join(models, 'altered', 'tokenizer.json'), ' ')
  await assert.rejects(
    benchServing(serveOptions({ ...flags, models }), () => {}),
    { code: 'NOT_READY', message: /tokenizer\.json is not the file that family\.json describes/ },
  )
})
