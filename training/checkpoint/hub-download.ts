import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { CheckpointInvalid } from '../../src/errors.js'
import { writeWhole } from '../write-whole.js'

/** How the hub is reached. */
export interface HubAccess {
  /** for private repositories */
  readonly accessToken?: string | undefined
  /** the global fetch unless told otherwise */
  readonly fetch?: typeof fetch
  readonly hubUrl?: string
}

export interface Download extends HubAccess {
  readonly repository: string
  readonly revision: string
  readonly folder: string
}

/** What a complete download wrote, last of all its files: without it a folder is not trusted. */
interface Receipt {
  readonly repository: string
  readonly revision: string
  /** in bytes */
  readonly files: Readonly<Record<string, number>>
}

const RECEIPT = 'download.json'
const SINGLE_FILE = 'model.safetensors'
const SHARD_INDEX = 'model.safetensors.index.json'
const TOKENIZER_FILES = ['tokenizer.json', 'vocab.txt', 'tokenizer_config.json']

/**
 * Downloads what a checkpoint needs: config.json, the safetensors weights (one file or shards) and the tokenizer's files. A
 * complete earlier download is used as it is, without a request. Sizes are checked, and for large files the SHA-256 that
 * the hub states.
 * @throws CheckpointInvalid when the repository, a file, the network or `@huggingface/hub` is missing
 */
export async function downloadRepository(download: Download): Promise<void> {
  const { folder, repository, revision } = download
  if (await isComplete(folder)) return
  await mkdir(folder, { recursive: true })
  const files: Record<string, number> = {}
  const fetchFile = async (path: string): Promise<boolean> => {
    const bytes = await downloadOne(download, path)
    if (bytes !== undefined) files[path] = bytes
    return bytes !== undefined
  }
  if (!(await fetchFile('config.json'))) throw new CheckpointInvalid(`hf:${repository}`, 'has no config.json')
  for (const path of TOKENIZER_FILES) await fetchFile(path)
  if (!(await fetchFile(SINGLE_FILE))) {
    if (!(await fetchFile(SHARD_INDEX))) {
      throw new CheckpointInvalid(
        `hf:${repository}`,
        `has no ${SINGLE_FILE} at revision "${revision}"; convert its weights to safetensors and give the folder's path`,
      )
    }
    for (const shard of await shardNames(join(folder, SHARD_INDEX))) {
      if (!(await fetchFile(shard))) throw new CheckpointInvalid(`hf:${repository}`, `lacks its shard ${shard}`)
    }
  }
  const receipt: Receipt = { repository, revision, files }
  await writeWhole(join(folder, RECEIPT), JSON.stringify(receipt, null, 2))
}

async function isComplete(folder: string): Promise<boolean> {
  try {
    const { files } = JSON.parse(await readFile(join(folder, RECEIPT), 'utf8')) as Receipt
    for (const [path, bytes] of Object.entries(files)) {
      if ((await stat(join(folder, path))).size !== bytes) return false
    }
    return true
  } catch {
    return false
  }
}

/** @returns its size in bytes; undefined when the repository has no such file */
async function downloadOne(download: Download, path: string): Promise<number | undefined> {
  const { repository, revision, folder, fetch, hubUrl, accessToken } = download
  const hub = await importHub(repository)
  const target = join(folder, path)
  const partial = `${target}.${process.pid}.part`
  const request = {
    repo: repository,
    revision,
    path,
    ...(fetch && { fetch }),
    ...(hubUrl && { hubUrl }),
    ...(accessToken && { accessToken }),
  }
  try {
    const info = await hub.fileDownloadInfo(request)
    const blob = info && (await hub.downloadFile({ ...request, downloadInfo: info }))
    if (info === null || blob === null) return undefined
    await pipeline(Readable.fromWeb(blob.stream() as ReadableStream), createWriteStream(partial))
    await checkContent(partial, info)
    await rename(partial, target)
    return info.size
  } catch (error) {
    await rm(partial, { force: true })
    if ((error as { statusCode?: number }).statusCode === 404 && path !== 'config.json') return undefined
    throw new CheckpointInvalid(
      `hf:${repository}`,
      `${path} could not be downloaded (${reason(error)}); check the name and the connection, or download the repository ` +
        'by other means and give its path',
    )
  }
}

async function checkContent(file: string, { size, etag }: { size: number; etag: string }): Promise<void> {
  const bytes = (await stat(file)).size
  if (bytes !== size) throw new Error(`${bytes} of ${size} bytes arrived`)
  const expected = /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(etag)?.[1] // large files' tags are their SHA-256
  if (expected === undefined) return
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  const found = hash.digest('hex')
  if (found !== expected) throw new Error(`its SHA-256 is ${found}, the hub states ${expected}`)
}

async function shardNames(index: string): Promise<string[]> {
  const { weight_map: map = {} } = JSON.parse(await readFile(index, 'utf8')) as { weight_map?: Record<string, string> }
  const names = [...new Set(Object.values(map))]
  const safe = names.every((name) => /^[A-Za-z0-9][\w.-]*\.safetensors$/.test(name))
  if (names.length === 0 || !safe) throw new CheckpointInvalid(index, 'has no weight_map of safetensors files')
  return names
}

async function importHub(repository: string) {
  try {
    return await import('@huggingface/hub')
  } catch {
    throw new CheckpointInvalid(
      `hf:${repository}`,
      'needs the optional package @huggingface/hub; npm install @huggingface/hub',
    )
  }
}

/** fetch says "fetch failed" and hides why in its cause. */
function reason(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string; code?: string } }
  return [message, cause?.code ?? cause?.message].filter(Boolean).join(': ')
}
