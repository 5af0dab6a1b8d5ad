import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { resolveCheckpoint } from '../../../training/checkpoint/resolve-checkpoint.js'
import { CHECKPOINTS } from '../nn/golden.js'
import { temporaryFolder } from './folders.js'

type Files = Record<string, Buffer>

async function tinyBert(): Promise<Files> {
  const names = ['config.json', 'model.safetensors', 'vocab.txt']
  const contents = await Promise.all(names.map((name) => readFile(join(CHECKPOINTS, 'tiny-bert', name))))
  return Object.fromEntries(names.map((name, index) => [name, contents[index]!]))
}

/** A hub of one repository: answers range requests as the real one does, and lists the paths that it was asked for. */
function hubOf(files: Files, etags: Record<string, string> = {}) {
  const asked: string[] = []
  const answer: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : String(input))
    asked.push(url.pathname)
    const path = url.pathname.replace(/^\/court\/bert-tiny\/resolve\/(main|v2)\//, '')
    const content = files[path]
    if (content === undefined) return new Response('', { status: 404, headers: { 'X-Error-Code': 'EntryNotFound' } })
    const etag = etags[path] ?? createHash('sha256').update(content).digest('hex')
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('range') ?? '') ?? []
    if (from === undefined) return new Response(new Uint8Array(content), { headers: { etag: `"${etag}"` } })
    const part = content.subarray(Number(from), Number(to) + 1)
    const range = `bytes ${from}-${Number(from) + part.length - 1}/${content.length}`
    return new Response(new Uint8Array(part), { status: 206, headers: { 'content-range': range, etag: `"${etag}"` } })
  }
  return { asked, fetch: answer }
}

test('a path is its own checkpoint', async () => {
  assert.equal(await resolveCheckpoint('some/folder', { cacheFolder: 'cache' }), 'some/folder')
})

test('a repository is downloaded once, then used without a request', async (t) => {
  const cacheFolder = await temporaryFolder(t)
  const hub = hubOf(await tinyBert())
  const folder = await resolveCheckpoint('hf:court/bert-tiny', { cacheFolder, fetch: hub.fetch })
  assert.equal(folder, join(cacheFolder, 'court--bert-tiny', 'main'))
  const { parameters } = await loadCheckpoint(folder, { seed: 1 })
  assert.deepEqual(parameters, (await loadCheckpoint(join(CHECKPOINTS, 'tiny-bert'), { seed: 1 })).parameters)
  assert.ok((await readdir(folder)).every((file) => !file.endsWith('.part')))

  const requests = hub.asked.length
  assert.equal(await resolveCheckpoint('hf:court/bert-tiny', { cacheFolder, fetch: hub.fetch }), folder)
  assert.equal(hub.asked.length, requests)
})

test('a revision has a folder of its own', async (t) => {
  const cacheFolder = await temporaryFolder(t)
  const hub = hubOf(await tinyBert())
  const folder = await resolveCheckpoint('hf:court/bert-tiny@v2', { cacheFolder, fetch: hub.fetch })
  assert.equal(folder, join(cacheFolder, 'court--bert-tiny', 'v2'))
  assert.ok(hub.asked.every((path) => path.startsWith('/court/bert-tiny/resolve/v2/')))
})

test('an interrupted or damaged download is done again', async (t) => {
  const cacheFolder = await temporaryFolder(t)
  const files = await tinyBert()
  const folder = await resolveCheckpoint('hf:court/bert-tiny', { cacheFolder, fetch: hubOf(files).fetch })
  await writeFile(join(folder, 'model.safetensors'), 'cut short')
  await resolveCheckpoint('hf:court/bert-tiny', { cacheFolder, fetch: hubOf(files).fetch })
  assert.deepEqual(await readFile(join(folder, 'model.safetensors')), files['model.safetensors'])
  await rm(join(folder, 'download.json'))
  const again = hubOf(files)
  await resolveCheckpoint('hf:court/bert-tiny', { cacheFolder, fetch: again.fetch })
  assert.ok(again.asked.length > 0)
})

test('sharded weights are downloaded shard by shard', async (t) => {
  const cacheFolder = await temporaryFolder(t)
  const { 'model.safetensors': weights, ...files } = await tinyBert()
  const shard = 'model-00001-of-00001.safetensors'
  const index = Buffer.from(JSON.stringify({ weight_map: { 'bert.pooler.dense.bias': shard } }))
  const hub = hubOf({ ...files, 'model.safetensors.index.json': index, [shard]: weights! })
  const folder = await resolveCheckpoint('hf:court/bert-tiny', { cacheFolder, fetch: hub.fetch })
  assert.deepEqual((await loadCheckpoint(folder, { seed: 1 })).missing, [])
})

test('content that is not what the hub states is refused and not kept', async (t) => {
  const cacheFolder = await temporaryFolder(t)
  const hub = hubOf(await tinyBert(), { 'model.safetensors': '0'.repeat(64) })
  await assert.rejects(resolveCheckpoint('hf:court/bert-tiny', { cacheFolder, fetch: hub.fetch }), {
    code: 'CHECKPOINT_INVALID',
    message: /hf:court\/bert-tiny: model\.safetensors could not be downloaded \(its SHA-256 is/,
  })
  const kept = await readdir(join(cacheFolder, 'court--bert-tiny', 'main'))
  assert.deepEqual(kept.toSorted(), ['config.json', 'vocab.txt'])
})

test('a repository without safetensors, without a network or with an impossible name is an error with a way out', async (t) => {
  const cacheFolder = await temporaryFolder(t)
  const { 'model.safetensors': _, ...files } = await tinyBert()
  const fails = (reference: string, fetch: typeof globalThis.fetch, message: RegExp) =>
    assert.rejects(resolveCheckpoint(reference, { cacheFolder, fetch }), { code: 'CHECKPOINT_INVALID', message })
  await fails('hf:court/bert-tiny', hubOf(files).fetch, /has no model\.safetensors at revision "main"; convert/)
  const offline = () => Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ENOTFOUND' } }))
  await fails('hf:court/other', offline, /config\.json could not be downloaded \(fetch failed: ENOTFOUND\); check/)
  const nothing = async () => new Response('no such repository', { status: 404 })
  await fails('hf:court/other', nothing, /config\.json could not be downloaded/)
  await fails('hf:../../etc', hubOf(files).fetch, /write hf:owner\/repository/)
})
