import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { bundledModels } from '../../src/cli/package-root.js'
import { address, poll, type Running, start } from '../cli/lextier-process.js'
import { call, type Outcome, startLoad, until } from './load.js'

/** One server for the whole file, of a bundled family: a tiny model gains nothing by threads. */
const FAMILY = 'scotus-issue'
let folder: string
let server: Running
let url: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-pairs-'))
  await cp(join(bundledModels(), FAMILY), join(folder, 'models', FAMILY), { recursive: true })
  const options = ['--provider', 'cpu', '--engines', '1', '--threads', '2', '--lanes', '1', '--variant', 'portable']
  const folders = ['--models', join(folder, 'models'), '--cache', join(folder, 'cache')]
  server = start(['serve', ...folders, ...options, '--host', '127.0.0.1', '--port', '0'])
  url = await address(server)
  await poll(`${url}/health/ready`, ({ status }) => status === 200)
})
after(async () => {
  server.child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

const notAnswered = (outcomes: readonly Outcome[]) => outcomes.filter(({ status }) => status !== 200)
/** @returns of the processes of the pair that have been ready, in the order in which they were */
const pids = () => [...server.output.stdout.matchAll(/"pid":(\d+).*"engine ready"/g)].map(([, pid]) => Number(pid))

test('a text is given the same probability on all threads and on half of them, and by either process', async () => {
  const body = { text: 'the petitioner was convicted of robbery and sentenced to death', tier: 'teacher' }
  const agent = new Agent({ keepAlive: true })
  const alone = await call(url, body, agent)
  const together = await Promise.all(Array.from({ length: 8 }, () => call(url, body, agent)))
  agent.destroy()
  assert.deepEqual(notAnswered([alone, ...together]), [])
  for (const { probability } of together) assert.ok(Math.abs(probability! - alone.probability!) < 1e-3)
})

test('kill -9 of either process of a pair under load fails no request, and the server stays ready', async () => {
  const load = startLoad(url, 6, { text: 'the court held that the statute was void', tier: 'teacher' })
  for (const [index, pid] of pids().slice(0, 2).entries()) {
    const before = load.outcomes.length
    await until(() => load.outcomes.length > before + 20, 'answers')
    process.kill(pid, 'SIGKILL')
    await until(() => server.output.stdout.split('"engine stopped; starting it again"').length > index + 1, 'the death')
    assert.equal((await fetch(`${url}/health/ready`)).status, 200)
    const answered = load.outcomes.length
    await until(() => load.outcomes.length > answered + 20, 'answers of the other process')
    await until(() => pids().length === 3 + index, 'a new process')
  }
  assert.deepEqual(notAnswered(await load.stop()), [])
})
