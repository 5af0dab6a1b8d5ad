import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type FamilyManifest, TIER_NAMES } from '../../../src/family/family-schema.js'
import { loadFamily } from '../../../src/family/load-family.js'
import { renderCard } from '../../../training/export/card.js'
import { exportFamily } from '../../../training/export/export-family.js'
import { servingTokenizer } from '../../../training/export/tokenizer-file.js'
import { tinyFamilyExport, writeTinyFamily } from '../../support/tiny-family.js'
import { tinyTokenizer } from '../../support/tiny-tokenizer.js'

let folder: string
let manifest: FamilyManifest
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'export-'))
  manifest = (await writeTinyFamily(join(folder, 'shared'))).manifest
})
after(() => rm(folder, { recursive: true, force: true }))

test('an exported family holds the files of design.md and loads with every hash right', async () => {
  const dir = join(folder, 'new', 'tiny')
  const family = await writeTinyFamily(dir)
  assert.deepEqual((await readdir(dir, { recursive: true })).sort(), [
    'balanced',
    'balanced/model.onnx',
    'balanced/weights.bin',
    'card.md',
    'family.json',
    'fast',
    'fast/model.onnx',
    'fast/weights.bin',
    'teacher',
    'teacher/model.onnx',
    'teacher/weights.bin',
    'tokenizer.json',
  ])
  assert.deepEqual(await readdir(join(folder, 'new')), ['tiny'])
  assert.equal((await loadFamily(dir, { verify: 'hashes' })).version, family.version)
  for (const { parity } of family.manifest.tiers) assert.ok(parity.maxLogitDifference <= parity.tolerance)
})

test('int8 weights are about half of fp16’s', async () => {
  const int8 = await writeTinyFamily(join(folder, 'int8'), { precision: 'int8' })
  for (const [i, { files }] of int8.manifest.tiers.entries()) {
    assert.ok(files['weights.bin'].bytes < 0.7 * manifest.tiers[i]!.files['weights.bin'].bytes)
  }
})

test('a parity failure stops the export and leaves nothing behind, or the old family as it was', async () => {
  const parent = join(folder, 'parity')
  const dir = join(parent, 'tiny')
  const good = await writeTinyFamily(dir)
  const tokenizerFile = join(folder, 'tokenizer.json')
  await writeFile(tokenizerFile, tinyTokenizer().json)
  const family = tinyFamilyExport(tokenizerFile)
  const wrong = { ...family.tiers[2]!, parity: { ...family.tiers[2]!.parity, logits: [[5, -5]] } }
  const broken = { ...family, tiers: [...family.tiers.slice(0, 2), wrong] }
  await assert.rejects(exportFamily(dir, broken), { code: 'PARITY_FAILED', message: /tier "fast"/ })
  await assert.rejects(exportFamily(join(parent, 'other'), broken), { code: 'PARITY_FAILED' })
  assert.deepEqual(await readdir(parent), ['tiny'])
  assert.equal((await loadFamily(dir, { verify: 'hashes' })).version, good.version)
})

test('exporting again replaces the family as a whole', async () => {
  const dir = join(folder, 'again')
  await writeTinyFamily(dir)
  const second = await writeTinyFamily(dir, { tiers: ['fast'], name: 'second' })
  assert.deepEqual((await readdir(dir)).sort(), ['card.md', 'family.json', 'fast', 'tokenizer.json'])
  assert.equal((await loadFamily(dir, { verify: 'hashes' })).version, second.version)
})

test('a folder that is not a family is never replaced', async () => {
  const dir = join(folder, 'thesis')
  await writeTinyFamily(join(dir, 'inner'))
  await assert.rejects(writeTinyFamily(dir), { code: 'FAMILY_INVALID', message: /without a family\.json/ })
  assert.ok((await stat(join(dir, 'inner', 'family.json'))).isFile())
})

test('the shipped tokenizer neither truncates nor pads, and fits every embedding table', async () => {
  const shipped = JSON.parse(await readFile(join(folder, 'shared', 'tokenizer.json'), 'utf8'))
  assert.equal(shipped.truncation, null)
  assert.equal(shipped.padding, null)
  const { json, vocabSize } = tinyTokenizer()
  const config = { ...manifest.tiers[0]!.config, vocabSize: vocabSize - 1 }
  const narrow = { name: 'x', tiers: [{ tier: 'fast', config }] }
  assert.throws(() => servingTokenizer(json, narrow), {
    code: 'FAMILY_INVALID',
    message: new RegExp(`up to ${vocabSize - 1}.*only ${vocabSize - 1}`),
  })
  assert.throws(() => servingTokenizer('[PAD]', narrow), { code: 'FAMILY_INVALID' })
})

test('the card says what the family is for, what it is not for, and every figure beside the majority baseline', () => {
  const card = renderCard(manifest)
  assert.match(card, /not for deciding real cases/)
  assert.match(card, /Licence: none needed/)
  assert.match(card, /\| always "loses" \| 0\.600 \|/)
  for (const tier of TIER_NAMES) {
    assert.match(card, new RegExp(`\\| ${tier} \\| 0\\.600 \\[0\\.500, 0\\.700\\]`))
    assert.match(card, new RegExp(`\`${tier}\` is near chance`))
  }
})

test('the card does not call a tier near chance whose interval lies above the majority rate', () => {
  const [teacher] = manifest.tiers
  const accuracy = { value: 0.8, low: 0.75, high: 0.85 }
  const better = { ...manifest, tiers: [{ ...teacher!, quality: { ...teacher!.quality, accuracy } }] }
  assert.doesNotMatch(renderCard(better), /near chance/)
  const worse = { value: 0.4, low: 0.3, high: 0.5 }
  const bad = { ...manifest, tiers: [{ ...teacher!, quality: { ...teacher!.quality, accuracy: worse } }] }
  assert.match(renderCard(bad), /worse than always answering "loses"/)
})
