import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Family, tierPaths } from '../../../src/family/load-family.js'
import { openExplainer } from '../../../src/onnx/explain-session.js'
import { openTier } from '../../../src/onnx/tier-session.js'
import { loadTokenizer } from '../../../src/tokenizer/text-tokenizer.js'
import { attributeText, type TierFiles } from '../../../training/attribution/attribute-text.js'
import { explainFamily } from '../../../training/export/explain-family.js'
import { predictTexts } from '../../../training/recipes/predict-texts.js'
import { writeTinyFamily } from '../../support/tiny-family.js'

let folder: string
let family: Family
let files: TierFiles
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'attribute-text-'))
  const written = await writeTinyFamily(join(folder, 'tiny'), { tiers: ['fast'], maxTokens: 16, windowOverlap: 4 })
  family = await explainFamily(written)
  const { config } = family.manifest.tiers[0]!
  files = {
    model: await openTier(family, 'fast', { provider: 'cpu', threads: 1 }),
    explainer: await openExplainer(tierPaths(family, 'fast').explain!, config, { provider: 'cpu', threads: 1 }),
    tokenizer: loadTokenizer(family.paths.tokenizer),
    maxTokens: 16,
    windowOverlap: 4,
  }
})
after(async () => {
  await files.model.release()
  await files.explainer.release()
  await rm(folder, { recursive: true, force: true })
})

test('tokens are found again in the text by their offsets', async () => {
  const text = 'The court held:  Appeal convicted'
  const { tokens, windows } = await attributeText(files, text)
  assert.equal(windows, 1)
  assert.deepEqual(
    tokens.map(({ start, end }) => text.slice(start, end)),
    ['The', 'court', 'held', ':', 'Appeal', 'convicted'],
  )
  assert.ok(tokens.some(({ attribution }) => Math.abs(attribution) > 1e-4))
})

test('the logits are those that are served, and the attributions of all windows add up to their rise', async () => {
  const text = Array.from({ length: 12 }, (_, i) => ['the court held', 'petitioner was', 'of law'][i % 3]).join(' ')
  const [served] = await predictTexts(files.model, files.tokenizer, [text], family.manifest)
  assert.ok(served!.windows > 2)
  for (const target of [0, 1]) {
    const { logits, tokens, delta, windows } = await attributeText(files, text, target)
    assert.equal(windows, served!.windows)
    assert.ok(Math.abs(logits[target]! - served!.logits[target]!) < 1e-6)
    // every window is full, hence all have the same baseline: [CLS], fourteen [PAD], [SEP]
    const { padId, clsId, sepId } = files.tokenizer
    const [baseline] = await files.model.run([{ inputIds: [clsId, ...new Array(14).fill(padId), sepId] }])
    const sum = tokens.reduce((total, { attribution }) => total + attribution, 0)
    assert.ok(Math.abs(sum - delta - (logits[target]! - baseline![target]!)) < 1e-5)
  }
})

test('the most likely label is explained unless another one is asked for', async () => {
  const { logits, target } = await attributeText(files, 'the court held')
  assert.equal(target, logits[0]! > logits[1]! ? 0 : 1)
  assert.equal((await attributeText(files, 'the court held', 1 - target)).target, 1 - target)
  await assert.rejects(attributeText(files, 'the court held', 2), { code: 'SHAPE_MISMATCH' })
})

test('a text without tokens has no attributions', async () => {
  const { tokens, delta } = await attributeText(files, '')
  assert.equal(tokens.length, 0)
  assert.ok(Math.abs(delta) < 1e-6)
})
