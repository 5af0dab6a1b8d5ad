import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeRandomFamily } from '../../../bench/gpu/random-family.js'
import { loadFamily } from '../../../src/family/load-family.js'
import { openTier } from '../../../src/onnx/tier-session.js'
import { writeTinyFamily } from '../../support/tiny-family.js'

test('a family of random weights has the shape asked for and loads as any other', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'random-family-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const like = await writeTinyFamily(join(folder, 'tiny'))
  const name = await writeRandomFamily(folder, like, 'custom-2x384', 1)
  const family = await loadFamily(join(folder, name), { verify: 'hashes' })
  assert.equal(family.manifest.name, 'random-custom-2x384')
  const [tier, ...others] = family.manifest.tiers
  assert.deepEqual([others, tier!.config.layers, tier!.config.hiddenSize], [[], 2, 384])
  const session = await openTier(family, 'teacher', { provider: 'cpu', threads: 1 })
  const [logits] = await session.run([{ inputIds: [2, 5, 3] }])
  await session.release()
  assert.ok(logits![0]! > logits![1]!)
  await assert.rejects(writeRandomFamily(folder, like, 'bert-huge', 1), { code: 'INVALID_CONFIGURATION' })
})
