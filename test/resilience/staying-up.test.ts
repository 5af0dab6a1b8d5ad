import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { address, poll, type Running, start } from '../cli/lextier-process.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { call, type Outcome, startLoad, until } from './load.js'
import { withoutFiles } from './processes.js'
import { enginePid } from './server.js'

/** One server for the whole file; the last test ends it. */
let folder: string
let server: Running
let url: string
const weights = () => join(folder, 'models', 'tiny', 'fast', 'weights.bin')
const LONG = { text: 'the court held '.repeat(1_000), tier: 'teacher' }

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-staying-up-'))
  await writeTinyFamily(join(folder, 'models', 'tiny'))
  const options = ['--provider', 'cpu', '--engines', '1', '--threads', '1', '--host', '127.0.0.1', '--port', '0']
  const folders = ['--models', join(folder, 'models'), '--cache', join(folder, 'cache')]
  server = start(['serve', ...folders, ...options, '--max-queue', '16'])
  url = await address(server)
  await ready()
})
after(async () => {
  server.child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

const ready = () => poll(`${url}/health/ready`, ({ status }) => status === 200)
const notAnswered = (outcomes: readonly Outcome[]) => outcomes.filter(({ status }) => status !== 200)

test('kill -9 of an engine under load fails no request', async () => {
  const load = startLoad(url, 6, { text: 'the court held', tier: 'teacher' })
  await until(() => load.outcomes.length > 30, 'answers')
  process.kill(enginePid(server, 'background'), 'SIGKILL')
  await until(async () => (await fetch(`${url}/health/ready`)).status === 503, 'the death to be noticed')
  await ready()
  const answered = load.outcomes.length
  await until(() => load.outcomes.length > answered + 30, 'answers of the new engine')
  assert.deepEqual(notAnswered(await load.stop()), [])
})

test('an engine that cannot be started because no more files can be opened is started once they can', async () => {
  const giveBack = withoutFiles(server.child.pid!)
  try {
    process.kill(enginePid(server, 'background'), 'SIGKILL')
    await until(() => /could not be started: no more files/.test(server.output.stdout), 'a start that fails')
  } finally {
    giveBack()
  }
  // after three deaths in a row the tiers of its lane are out until then, and the server is ready without them
  await until(async () => (await call(url, { text: 'a', tier: 'teacher' })).status === 200, 'the lane to be back')
  await ready()
})

test('far above capacity some are answered, the others refused with Retry-After, and memory does not grow', async () => {
  const rss = async () => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${server.child.pid}/status`, 'utf8'))?.[1])
  // as many callers as fit: what is answered now is what can be
  const fitting = startLoad(url, 4, LONG)
  await until(() => fitting.outcomes.length > 20, 'answers')
  await fitting.stop()
  const sinceMs = fitting.outcomes[0]!.sentMs
  const last = fitting.outcomes.at(-1)!
  const capacity = fitting.outcomes.length / (last.sentMs + last.ms - sinceMs)

  // ten times the capacity, however slow the answers; no more than this process can send
  const rate = Math.min(10 * capacity, 0.4)
  const agent = new Agent({ keepAlive: true })
  const startMs = performance.now()
  const calls: Promise<Outcome>[] = []
  let before = 0
  while (performance.now() - startMs < 4_000) {
    while (calls.length < rate * (performance.now() - startMs)) calls.push(call(url, LONG, agent))
    if (before === 0 && performance.now() - startMs > 2_000) before = await rss()
    await delay(5)
  }
  const live = await fetch(`${url}/health/live`)
  assert.equal(live.status, 200)
  const outcomes = await Promise.all(calls)
  const refused = outcomes.filter(({ status }) => status === 503)
  const answered = outcomes.filter(({ status }) => status === 200)
  agent.destroy()
  assert.deepEqual(
    outcomes.filter((outcome) => !refused.includes(outcome) && !answered.includes(outcome)),
    [],
  )
  assert.ok(refused.length > outcomes.length / 2, `${refused.length} of ${outcomes.length} were refused`)
  assert.ok(refused.every(({ code, retryAfter }) => code === 'OVERLOADED' && Number(retryAfter) >= 1))
  assert.ok(answered.length > 0)
  const grownMiB = ((await rss()) - before) / 1024
  assert.ok(grownMiB < 100, `${grownMiB} MiB more in the second half`)
})

test('files that were altered since the start fail by name when an engine comes back, and a reload with the right ones mends it', async () => {
  const original = await readFile(weights())
  const load = startLoad(url, 6, { text: 'the court held', tier: 'fast' })
  await until(() => load.outcomes.length > 6, 'answers')
  await appendFile(weights(), 'x')
  process.kill(enginePid(server, 'express'), 'SIGKILL')
  const answer = await poll(`${url}/health/ready`, async (response) =>
    /tier \\"fast\\": FAMILY_FILE_/.test(await response.text()),
  )
  const { reasons } = (await answer.json()) as { reasons: string[] }
  assert.match(reasons[0] ?? '', /FAMILY_FILE_ALTERED.*weights\.bin/)
  assert.equal((await fetch(`${url}/health/live`)).status, 200)
  // what waited while the engine came back hears the same reason
  const refusals = notAnswered(await load.stop())
  assert.ok(refusals.length > 0)
  assert.deepEqual([...new Set(refusals.map(({ status, code }) => `${status} ${code}`))], ['503 NOT_READY'])
  const refused = await call(url, { text: 'a', tier: 'fast' })
  assert.deepEqual([refused.status, refused.code], [503, 'NOT_READY'])

  await rm(weights())
  await appendFile(weights(), original)
  process.kill(enginePid(server, 'express'), 'SIGKILL')
  await ready()
  assert.equal((await call(url, { text: 'a', tier: 'fast' })).status, 200)
})

test('SIGTERM under load answers every accepted request and exits 0', async () => {
  const load = startLoad(url, 8, LONG)
  await until(() => load.outcomes.length > 8, 'answers')
  server.child.kill('SIGTERM')
  const { exitCode, stdout } = await server.finished
  const outcomes = await load.stop()
  assert.equal(exitCode, 0)
  const lines = stdout.split('\n').filter((line) => line.includes('"msg"'))
  const draining = lines.findIndex((line) => line.includes('"msg":"draining"'))
  const { inFlight } = JSON.parse(lines[draining]!) as { inFlight: number }
  const answered = lines.slice(draining).filter((line) => line.includes('"route":"/v1/predict","status":200'))
  assert.equal(answered.length, inFlight)
  // later ones are told to go elsewhere, or find nobody there
  const allowed = ['DRAINING', 'no answer']
  const codes = notAnswered(outcomes).map(({ status, code }) => (status === undefined ? 'no answer' : code))
  assert.deepEqual(
    codes.filter((code) => !allowed.includes(code!)),
    [],
  )
})
