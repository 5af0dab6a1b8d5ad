import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Family, loadFamily, tierPaths } from '../../../src/family/load-family.js'
import { MANIFEST_FILE, parseManifest } from '../../../src/family/manifest.js'
import { openExplainer } from '../../../src/onnx/explain-session.js'
import { explainFamily } from '../../../training/export/explain-family.js'
import { exportFamily } from '../../../training/export/export-family.js'
import { tinyFamilyExport, writeTinyFamily } from '../../support/tiny-family.js'
import { tinyTokenizer } from '../../support/tiny-tokenizer.js'

let folder: string
let plain: Family
let explained: Family
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'explain-family-'))
  plain = await writeTinyFamily(join(folder, 'plain'))
  await cp(plain.dir, join(folder, 'explained'), { recursive: true })
  explained = await explainFamily(await loadFamily(join(folder, 'explained'), { verify: 'sizes' }), [
    'the court held that',
    'the petitioner was convicted of the statute',
  ])
})
after(() => rm(folder, { recursive: true, force: true }))

test('a family gets explain.onnx for every tier, checked against the engine, and keeps all else', async () => {
  assert.notEqual(explained.version, plain.version)
  for (const [i, tier] of explained.manifest.tiers.entries()) {
    const { explain, files, ...rest } = tier
    const { 'explain.onnx': file, ...others } = files
    assert.deepEqual({ ...rest, files: others }, plain.manifest.tiers[i])
    assert.ok(explain!.maxDifference < 1e-5, `${explain!.maxDifference}`)
    assert.ok(explain!.maxDelta < 1e-3, `${explain!.maxDelta}`)
    assert.deepEqual([explain!.steps, explain!.texts], [50, 2])
    // the graph alone: the weights stay where they are
    assert.ok(file!.bytes < 100_000, `${file!.bytes}`)
    const entries = await readdir(join(explained.dir, tier.tier))
    assert.deepEqual(entries.sort(), ['explain.onnx', 'model.onnx', 'weights.bin'])
    const session = await openExplainer(tierPaths(explained, tier.tier).explain!, tier.config, { provider: 'cpu' })
    const { attributions } = await session.run({ inputIds: [2, 10, 20, 30, 3] }, 1)
    assert.deepEqual([attributions[0], attributions[4]], [0, 0])
    await session.release()
  }
})

test('a family exported with explanations has them like one that got them later', async () => {
  const tokenizerFile = join(folder, 'tokenizer.json')
  await writeFile(tokenizerFile, tinyTokenizer().json)
  const family = await exportFamily(join(folder, 'exported'), { ...tinyFamilyExport(tokenizerFile), explain: true })
  for (const [i, { files }] of family.manifest.tiers.entries()) {
    assert.deepEqual(files['explain.onnx'], explained.manifest.tiers[i]!.files['explain.onnx'])
  }
})

test('an altered explain.onnx is found out, and so is a manifest that tells half of it', async () => {
  const dir = join(folder, 'altered')
  await cp(explained.dir, dir, { recursive: true })
  const file = join(dir, 'fast', 'explain.onnx')
  const bytes = await readFile(file)
  bytes[100]! ^= 1
  await writeFile(file, bytes)
  await assert.rejects(loadFamily(dir, { verify: 'hashes' }), { code: 'FAMILY_FILE_ALTERED', message: /explain\.onnx/ })
  const manifest = JSON.parse(await readFile(join(dir, MANIFEST_FILE), 'utf8'))
  delete manifest.tiers[1].explain
  assert.throws(() => parseManifest(JSON.stringify(manifest), dir), {
    code: 'FAMILY_INVALID',
    message: /\/tiers\/1\/explain and the file explain\.onnx/,
  })
})
