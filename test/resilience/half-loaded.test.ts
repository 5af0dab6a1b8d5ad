import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TierName } from '../../src/family/family-schema.js'
import type { Family } from '../../src/family/load-family.js'
import { softmax } from '../../src/family/softmax.js'
import { openTier } from '../../src/onnx/tier-session.js'
import { loadTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { address, poll } from '../cli/lextier-process.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { call, startLoad, until } from './load.js'
import { serve, stop } from './server.js'

const TEXT = 'the court held for the petitioner'
const TIERS: readonly TierName[] = ['teacher', 'balanced', 'fast']
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-half-loaded-'))
})
after(() => rm(folder, { recursive: true, force: true }))

/** What the version must answer, worked out in this process. */
async function ownAnswer(family: Family, tier: TierName): Promise<number> {
  const tokenizer = loadTokenizer(family.paths.tokenizer)
  const { ids } = await tokenizer.encode(TEXT)
  const session = await openTier(family, tier, { provider: 'cpu', threads: 1 })
  const [logits] = await session.run([{ inputIds: [tokenizer.clsId, ...ids, tokenizer.sepId] }])
  await session.release()
  const { calibration } = family.manifest.tiers.find((one) => one.tier === tier)!
  return Math.max(...softmax(logits!, calibration.temperature))
}

test('through reload after reload each answer is one version’s own, and none is of a version older than the one before', async () => {
  const models = join(folder, 'models')
  await mkdir(models)
  const versions: { version: string; answers: Map<string, number> }[] = []
  for (const seed of [1, 20, 40]) {
    const family = await writeTinyFamily(join(folder, `${seed}`, 'tiny'), { seed })
    const answers = new Map<string, number>()
    for (const tier of TIERS) answers.set(tier, await ownAnswer(family, tier))
    versions.push({ version: family.version, answers })
  }
  // no two of the nine can be taken for one another
  const told = versions.flatMap(({ answers }) => [...answers.values()]).sort()
  assert.ok(told.every((value, i) => i === 0 || value - told[i - 1]! > 1e-4))

  await rename(join(folder, '1', 'tiny'), join(models, 'tiny'))
  const server = serve([
    '--models',
    models,
    '--cache',
    join(folder, 'cache'),
    '--provider',
    'cpu',
    '--variant',
    'portable',
  ])
  const url = await address(server)
  await poll(`${url}/health/ready`, ({ status }) => status === 200)
  const loads = TIERS.map((tier) => startLoad(url, 1, { text: TEXT, tier }))
  for (const [index, { version }] of versions.entries()) {
    if (index > 0) {
      await rename(join(models, 'tiny'), join(folder, `${index}-left`))
      await rename(join(folder, index === 1 ? '20' : '40', 'tiny'), join(models, 'tiny'))
      server.child.kill('SIGHUP')
    }
    for (const { outcomes } of loads) await until(() => outcomes.at(-1)?.version === version, `version ${index}`)
  }
  for (const [index, load] of loads.entries()) {
    const outcomes = await load.stop()
    const ages = outcomes.map(({ version }) => versions.findIndex((one) => one.version === version))
    assert.deepEqual(
      ages,
      [...ages].sort((a, b) => a - b),
    )
    for (const [i, { status, tier, probability }] of outcomes.entries()) {
      assert.deepEqual([status, tier], [200, TIERS[index]])
      const own = versions[ages[i]!]!.answers.get(tier!)!
      assert.ok(
        Math.abs(probability! - own) < 1e-5,
        `${tier} of version ${ages[i]} answered ${probability}, not ${own}`,
      )
    }
  }
  await stop(server)
})

test('with --watch a folder that is moved in is served without a signal, while the others answer on', async () => {
  const models = join(folder, 'watched')
  await writeTinyFamily(join(models, 'tiny'), { tiers: ['teacher'] })
  await writeTinyFamily(join(folder, 'arriving'), { name: 'late', tiers: ['teacher'] })
  const server = serve(['--models', models, '--provider', 'cpu', '--variant', 'portable', '--watch', '1'])
  const url = await address(server)
  await poll(`${url}/health/ready`, ({ status }) => status === 200)
  const load = startLoad(url, 1, { text: TEXT, family: 'tiny' })
  await rename(join(folder, 'arriving'), join(models, 'late'))
  await until(async () => (await call(url, { text: TEXT, family: 'late' })).status === 200, 'the new family')
  assert.deepEqual([...new Set((await load.stop()).map(({ status }) => status))], [200])
  await stop(server)
})
