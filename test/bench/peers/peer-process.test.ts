import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Candidate } from '../../../bench/peers/candidate.js'
import { underLoad } from '../../../bench/peers/measure-candidate.js'
import { freePorts, startPeer } from '../../../bench/peers/peer-process.js'

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-bench-fake-peer-'))
  // a peer with a worker process, which answers the length of the text and fails on "broken"
  await writeFile(
    join(folder, 'server.mjs'),
    `import cluster from 'node:cluster'
import { createServer } from 'node:http'
if (cluster.isPrimary) cluster.fork()
else createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  const asked = JSON.parse(text)
  if (asked === 'broken') response.writeHead(500).end()
  else response.end(JSON.stringify({ label: 'length ' + asked.length, worker: process.pid }))
}).listen(Number(process.env.PORT), '127.0.0.1')
`,
  )
})

after(() => rm(folder, { recursive: true, force: true }))

const candidate: Candidate = {
  name: 'fake',
  versions: {},
  layouts: [],
  start: () => Promise.reject(new Error('started by hand')),
  requestBody: (text) => Buffer.from(JSON.stringify(text)),
  labelOf: (answer) => (answer as { label?: string }).label,
}

async function startFake() {
  const [port] = await freePorts(1)
  return startPeer({
    program: process.execPath,
    args: ['server.mjs'],
    cwd: folder,
    env: { PORT: String(port) },
    url: new URL(`http://127.0.0.1:${port}/`),
    firstRequest: candidate.requestBody('warm-up'),
  })
}

test('a peer is started, asked in its own way and stopped with its workers', async () => {
  const started = await startFake()
  const answer = await fetch(started.url, { method: 'POST', body: '"x"' })
  const { worker } = (await answer.json()) as { worker: number }
  const texts = [
    { text: 'one', tokens: 1 },
    { text: 'broken', tokens: 1 },
    { text: 'three', tokens: 1 },
  ]
  const server = underLoad(candidate, started, { texts, seed: 1, poll: false })
  assert.deepEqual(await server.labels(10), ['length 3', undefined, 'length 5'])
  const { textsPerSecond, errors } = await server.capacity(2, 500)
  assert.ok(textsPerSecond > 0 && errors > 0)
  const trial = await server.openLoop(50, 400, 1_000)
  assert.ok(trial.requests > 0 && trial.errors > 0 && !trial.kept)
  server.close()
  await started.stop()
  // the kernel takes a moment to end what was killed
  for (let i = 0; i < 250 && isAlive(worker); i++) await sleep(20)
  assert.equal(isAlive(worker), false)
})

test('a peer that ends instead of answering is named with its last words', async () => {
  await writeFile(join(folder, 'broken.mjs'), `console.error('no such model'); process.exit(3)`)
  const [port] = await freePorts(1)
  await assert.rejects(
    startPeer({
      program: process.execPath,
      args: ['broken.mjs'],
      cwd: folder,
      env: {},
      url: new URL(`http://127.0.0.1:${port}/`),
      firstRequest: Buffer.from('{}'),
    }),
    /did not become ready.*no such model/,
  )
})

test('a program that is not there is a reason, too', async () => {
  await assert.rejects(
    startPeer({
      program: join(folder, 'nothing'),
      args: [],
      cwd: folder,
      env: {},
      url: new URL('http://127.0.0.1:9/'),
      firstRequest: Buffer.from('{}'),
    }),
    /ENOENT/,
  )
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
