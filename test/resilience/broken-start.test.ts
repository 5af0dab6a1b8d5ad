import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { address, poll } from '../cli/lextier-process.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { call } from './load.js'
import { reasonsUnready, serve, stop } from './server.js'

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-broken-start-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const serveFolder = (models: string) =>
  serve(['--models', models, '--cache', join(folder, 'cache'), '--provider', 'cpu'])

/** The same length, one bit of the middle changed. */
async function flipBit(file: string): Promise<void> {
  const bytes = await readFile(file)
  bytes[bytes.length >> 1]! ^= 1
  await writeFile(file, bytes)
}

const DAMAGES: Record<string, { damage: (family: string) => Promise<void>; named: RegExp }> = {
  cut: { damage: (family) => truncate(join(family, 'teacher', 'weights.bin'), 100), named: /weights\.bin/ },
  flipped: { damage: (family) => flipBit(join(family, 'teacher', 'weights.bin')), named: /weights\.bin/ },
  garbled: { damage: (family) => writeFile(join(family, 'teacher', 'model.onnx'), 'no model'), named: /model\.onnx/ },
  wordless: { damage: (family) => rm(join(family, 'tokenizer.json')), named: /tokenizer\.json/ },
  unlisted: { damage: (family) => truncate(join(family, 'family.json'), 100), named: /family\.json/ },
}

test('files corrupted between two starts are named; the API is up and not ready, and the whole family answers as before', async () => {
  const models = join(folder, 'models')
  const names = ['whole', ...Object.keys(DAMAGES)]
  for (const name of names) await writeTinyFamily(join(models, name), { name, tiers: ['teacher'] })
  const first = serveFolder(models)
  const firstUrl = await address(first)
  await poll(`${firstUrl}/health/ready`, ({ status }) => status === 200)
  const request = { text: 'the court held', family: 'whole' }
  const expected = await call(firstUrl, request)
  assert.equal(expected.status, 200)
  await stop(first)

  for (const [name, { damage }] of Object.entries(DAMAGES)) await damage(join(models, name))
  // what the first start left for the second is damaged too
  for (const file of await readdir(join(folder, 'cache'), { recursive: true })) {
    if (/\.(onnx|bin)$/.test(file)) await flipBit(join(folder, 'cache', file))
  }
  const second = serveFolder(models)
  const url = await address(second)
  await poll(`${url}/v1/families/whole`, async (response) => ((await response.json()) as { ready: boolean }).ready)
  const reasons = await reasonsUnready(url)
  for (const [name, { named }] of Object.entries(DAMAGES)) {
    const own = reasons.filter((reason) => reason.includes(`"${name}"`))
    assert.equal(own.length, 1, `${name} in ${reasons}`)
    assert.match(own[0]!, named)
    const refused = await call(url, { ...request, family: name })
    assert.deepEqual([refused.status, refused.code], [503, 'NOT_READY'])
  }
  const answer = await call(url, request)
  assert.deepEqual([answer.status, answer.probability], [200, expected.probability])
  await stop(second)
})

test('where no family is whole the API is up all the same, and a reload with the right files makes it ready', async () => {
  const models = join(folder, 'single')
  const family = await writeTinyFamily(join(models, 'tiny'), { tiers: ['teacher'] })
  const weights = join(family.dir, 'teacher', 'weights.bin')
  await copyFile(weights, join(folder, 'right.bin'))
  await flipBit(weights)
  const server = serveFolder(models)
  const url = await address(server)
  const [reason] = await reasonsUnready(url)
  assert.match(reason!, /"tiny".*weights\.bin/)
  const refused = await call(url, { text: 'a', family: 'tiny' })
  assert.deepEqual([refused.status, refused.code], [503, 'NOT_READY'])

  await copyFile(join(folder, 'right.bin'), weights)
  server.child.kill('SIGHUP')
  await poll(`${url}/health/ready`, ({ status }) => status === 200)
  assert.equal((await call(url, { text: 'a' })).status, 200)
  await stop(server)
})
