import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { address, poll, type Running } from '../cli/lextier-process.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { call, until } from './load.js'
import { enginePid, serve, stop } from './server.js'

/** One server for the whole file; each test stops its engine with a signal, so that work waits, and lets it go on. */
let folder: string
let server: Running
let url: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-disconnects-'))
  await writeTinyFamily(join(folder, 'tiny'), { tiers: ['teacher'] })
  server = serve(['--models', folder, '--provider', 'cpu'])
  url = await address(server)
  await poll(`${url}/health/ready`, ({ status }) => status === 200)
})
after(async () => {
  process.kill(enginePid(server), 'SIGCONT')
  await stop(server)
  await rm(folder, { recursive: true, force: true })
})

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1] ?? 0,
  )
}

const sequencesRun = () => metric('lextier_batch_size_sum{tier="teacher"}')
const waiting = () => metric('lextier_queue_depth{tier="teacher"}')

/** @returns ends the connection in the middle of everything */
function send(contentType: string, body: string): () => void {
  const outgoing = request(`${url}/v1/predict`, { method: 'POST', headers: { 'content-type': contentType } })
  outgoing.on('error', () => {})
  outgoing.on('response', (response) => response.on('error', () => {}).resume())
  outgoing.end(body)
  return () => outgoing.destroy()
}

const TEXT = { text: 'the court held' }

/** Callers whose work waits behind a run go away: of all that they sent, nothing runs. */
async function assertNeverRuns(leave: () => Promise<void>): Promise<void> {
  const before = await sequencesRun()
  process.kill(enginePid(server), 'SIGSTOP')
  // the engine runs the first, and where that is short it has the second too
  const running: ReturnType<typeof call>[] = []
  while ((await waiting()) === 0 && running.length < 3) {
    running.push(call(url, TEXT))
    await sleep(200)
  }
  await until(async () => (await waiting()) === 1, 'a request behind another')
  await leave()
  await until(async () => (await waiting()) === 1, 'the queue to empty')
  process.kill(enginePid(server), 'SIGCONT')
  for (const answered of running) assert.equal((await answered).status, 200)
  const next = await call(url, TEXT)
  assert.equal(next.status, 200)
  assert.equal((await sequencesRun()) - before, running.length + 1)
}

test('the work of callers that disconnect while it waits never runs', () =>
  assertNeverRuns(async () => {
    const text = 'the court held '.repeat(100) // several windows
    const gone = await metric('lextier_requests_total{route="/v1/predict",status="499"}')
    const callers = Array.from({ length: 20 }, () => send('application/json', JSON.stringify({ texts: [text, text] })))
    await until(async () => (await waiting()) === 21, 'the queue to fill')
    for (const disconnect of callers) disconnect()
    await until(
      async () => (await metric('lextier_requests_total{route="/v1/predict",status="499"}')) === gone + 20,
      '499',
    )
  }))

test('the lines of a stream whose caller disconnects never run', () =>
  assertNeverRuns(async () => {
    const lines = Array.from({ length: 200 }, () => '{"text":"the court held"}\n').join('')
    const disconnect = send('application/x-ndjson', lines)
    await until(async () => (await waiting()) >= 32, 'lines to wait')
    disconnect()
  }))
