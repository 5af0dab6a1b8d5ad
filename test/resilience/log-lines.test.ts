import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createReadStream, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { start } from '../cli/lextier-process.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { startLoad, until } from './load.js'

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-log-lines-'))
  await writeTinyFamily(join(folder, 'models', 'tiny'), { tiers: ['fast'] })
})
after(() => rm(folder, { recursive: true, force: true }))

interface LogLine {
  readonly msg: string
  readonly reqId?: string
  readonly status?: number
}

/**
 * Serves from several processes with this as their output, under load to the end.
 * @param output a file descriptor
 * @param written what has been written to it
 * @returns the requests that were answered, when all is written
 */
async function serveUnderLoad(output: number, written: () => string): Promise<number> {
  const folders = ['--models', join(folder, 'models'), '--cache', join(folder, 'cache')]
  const address = ['--host', '127.0.0.1', '--port', '0']
  const options = ['--provider', 'cpu', '--engines', '1', '--threads', '1', '--lanes', '1', '--api-processes', '2']
  const server = start(['serve', ...folders, ...address, ...options], {}, output)
  process.once('exit', () => server.child.kill('SIGKILL'))
  const url = () => /listens on (http:\/\/127\.0\.0\.1:\d+)/.exec(written())?.[1]
  await until(() => url() !== undefined, 'an address')
  await until(async () => (await fetch(`${url()}/health/ready`)).status === 200, 'readiness')
  const load = startLoad(url()!, 16, { text: 'law', tier: 'fast' })
  await delay(1_000)
  server.child.kill('SIGTERM')
  const { exitCode, stderr } = await server.finished
  assert.equal(exitCode, 0, stderr)
  return (await load.stop()).filter(({ status }) => status === 200).length
}

function assertEachOnce(text: string, answered: number): void {
  assert.ok(text.endsWith('\n'))
  const lines = text
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      assert.doesNotThrow(() => JSON.parse(line), line)
      return JSON.parse(line) as LogLine
    })
  const requests = lines.filter(({ msg }) => msg === 'request')
  assert.equal(new Set(requests.map(({ reqId }) => reqId)).size, requests.length, 'a line was written twice')
  assert.equal(requests.filter(({ status }) => status === 200).length, answered)
  assert.equal(lines.at(-1)?.msg, 'stopped')
}

test('in a file, every line of several processes is whole and there once, to the last answer', async () => {
  const file = join(folder, 'log')
  const output = openSync(file, 'w')
  const written = () => readFileSync(file, 'utf8')
  const answered = await serveUnderLoad(output, written)
  closeSync(output)
  assertEachOnce(written(), answered)
})

test('in a pipe, every line of several processes is whole and there once, to the last answer', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  // for reading too: to open it for writing alone waits for a reader
  const output = openSync(pipe, 'r+')
  const reader = createReadStream(pipe, { encoding: 'utf8' })
  let read = ''
  reader.on('data', (chunk) => {
    read += chunk
  })
  const answered = await serveUnderLoad(output, () => read)
  closeSync(output)
  await once(reader, 'end')
  assertEachOnce(read, answered)
})
