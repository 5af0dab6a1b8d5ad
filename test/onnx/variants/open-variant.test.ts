import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Family } from '../../../src/family/load-family.js'
import { openTier } from '../../../src/onnx/tier-session.js'
import { openVariant } from '../../../src/onnx/variants/open-variant.js'
import type { RequestedVariant } from '../../../src/onnx/variants/variant-names.js'
import { exportFamily } from '../../../training/export/export-family.js'
import { referenceLogits } from '../../support/reference-encoder.js'
import { tinyFamilyExport, writeTinyFamily } from '../../support/tiny-family.js'

const SEQUENCES = [5, 12, 31, 2, 20].map((length, text) => ({
  inputIds: [2, ...Array.from({ length }, (_, i) => 5 + ((i * 7 + text * 11) % 20)), 3],
}))

let folder: string
let family: Family
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'variants-'))
  family = await writeTinyFamily(join(folder, 'tiny'))
})
after(() => rm(folder, { recursive: true, force: true }))

const newCache = () => mkdtemp(join(folder, 'cache-'))

let asked = 0
async function open(cacheDir: string | undefined, variant: RequestedVariant = 'auto', of: Family = family) {
  const session = await openVariant(of, 'teacher', {
    provider: 'cpu',
    threads: 1,
    variant,
    cacheDir,
    checkedOn: async () => {
      asked++
      return SEQUENCES
    },
  })
  const logits = await session.run(SEQUENCES)
  await session.release()
  return { ...session, logits }
}

async function portableLogits() {
  const session = await openTier(family, 'teacher', { provider: 'cpu', threads: 1 })
  const logits = await session.run(SEQUENCES)
  await session.release()
  return logits
}

const entries = async (cache: string) =>
  (await readdir(join(cache, 'variants'))).map((name) => join(cache, 'variants', name))

test('a variant is built and checked once; the next start takes it from the cache and answers the same', async () => {
  const cache = await newCache()
  asked = 0
  const first = await open(cache)
  assert.deepEqual([first.variant, first.from, first.refused, asked], ['fused_int8', 'built', [], 1])
  const second = await open(cache)
  assert.deepEqual([second.variant, second.from, asked], ['fused_int8', 'cache', 1])
  assert.deepEqual(second.logits, first.logits)
  assert.equal(second.entry?.check?.texts, SEQUENCES.length)
  const portable = await portableLogits()
  const differences = first.logits.flatMap((row, i) =>
    Array.from(row, (value, j) => Math.abs(value - portable[i]![j]!)),
  )
  assert.ok(Math.abs(Math.max(...differences) - first.entry!.check!.maxLogitDifference) < 1e-5)
  assert.ok(Math.max(...differences) > 1e-4, 'the portable model ran')
})

test('the variant asked for is the one that runs', async () => {
  const fp32 = await open(undefined, 'fused_fp32')
  assert.deepEqual([fp32.variant, fp32.from], ['fused_fp32', 'built'])
  const portable = await open(undefined, 'portable')
  assert.deepEqual([portable.variant, portable.from, portable.entry], ['portable', 'file', undefined])
  assert.deepEqual(portable.logits, await portableLogits())
})

test('a variant that the provider does not have is refused by name', async () => {
  const session = await open(undefined, 'fused_fp16')
  assert.deepEqual(session.refused, [{ variant: 'fused_fp16', reason: 'there is none for provider cpu' }])
  assert.equal(session.variant, 'portable')
})

test('a damaged cache entry is built anew', async () => {
  const cache = await newCache()
  await open(cache)
  const [entry] = await entries(cache)
  const model = join(entry!, 'model.onnx')
  const bytes = await readFile(model)
  const altered = Buffer.from(bytes)
  altered[altered.length >> 1]! ^= 1
  await writeFile(model, altered)
  assert.equal((await open(cache)).from, 'built')
  assert.deepEqual(await readFile(model), bytes)
  await writeFile(join(entry!, 'weights.bin'), 'something else')
  assert.equal((await open(cache)).from, 'built')
  await writeFile(join(entry!, 'entry.json'), '{"variant":')
  assert.equal((await open(cache)).from, 'built')
  assert.equal((await open(cache)).from, 'cache')
})

/** Inputs that are always 0 have the largest weights: nothing to the model, and all that int8 steps have room for. */
async function coarseFamily(): Promise<Family> {
  const whole = tinyFamilyExport(family.paths.tokenizer, { tiers: ['teacher'], temperature: 0.3 })
  const [teacher] = whole.tiers
  const { config, parameters, parity } = teacher!
  const set = (name: string, value: number, count = 1) => parameters[name]!.values.fill(value, 0, count)
  for (const norm of [
    'embeddings',
    'encoder.layer.0.attention.output',
    'encoder.layer.0.output',
    'encoder.layer.1.attention.output',
  ]) {
    set(`${norm}.LayerNorm.weight`, 0)
    set(`${norm}.LayerNorm.bias`, 0)
  }
  for (const layer of [0, 1]) {
    const prefix = `encoder.layer.${layer}`
    set(`${prefix}.attention.self.value.weight`, 500, config.hiddenSize)
    set(`${prefix}.intermediate.dense.weight`, 500, config.intermediateSize)
  }
  const logits = parity.sequences.map(({ inputIds }) => referenceLogits(config, parameters, [...inputIds]))
  return exportFamily(join(folder, 'coarse'), { ...whole, tiers: [{ ...teacher!, parity: { ...parity, logits } }] })
}

test('a variant that answers otherwise is refused by name, the next best runs, and the next start knows it', async () => {
  const cache = await newCache()
  const coarse = await coarseFamily()
  asked = 0
  for (const from of ['built', 'cache']) {
    const session = await open(cache, 'auto', coarse)
    assert.deepEqual([session.variant, session.from], ['fused_fp32', from])
    assert.equal(session.refused.length, 1)
    assert.equal(session.refused[0]!.variant, 'fused_int8')
    assert.match(session.refused[0]!.reason, /probabilities differ/)
  }
  assert.equal(asked, 2)
})

test('other weights or another temperature are another entry', async () => {
  const cache = await newCache()
  await open(cache, 'fused_fp32')
  await open(cache, 'fused_fp32', await writeTinyFamily(join(folder, 'other'), { seed: 9 }))
  await open(cache, 'fused_fp32', await writeTinyFamily(join(folder, 'warmer'), { temperature: 2 }))
  assert.equal((await entries(cache)).length, 3)
})

test('a cache that cannot be written is said, and the variant runs from memory', async () => {
  const blocked = join(folder, 'a-file')
  await writeFile(blocked, '')
  const session = await open(blocked)
  assert.deepEqual([session.variant, session.from], ['fused_int8', 'built'])
  assert.match(session.cacheFault ?? '', /a-file/)
})

test('engines that start at once build once and leave one whole entry', async () => {
  const cache = await newCache()
  asked = 0
  const sessions = await Promise.all([open(cache), open(cache), open(cache)])
  assert.equal(asked, 1)
  for (const { variant, cacheFault } of sessions) assert.deepEqual([variant, cacheFault], ['fused_int8', undefined])
  assert.equal((await entries(cache)).length, 1)
  assert.equal((await open(cache)).from, 'cache')
})
