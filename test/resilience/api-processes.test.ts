import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { address, managementAddress, poll, type Running, run } from '../cli/lextier-process.js'
import { type TinyFamilyOptions, writeTinyFamily } from '../support/tiny-family.js'
import { tinyTokenizer } from '../support/tiny-tokenizer.js'
import { call, type Outcome, startLoad, until } from './load.js'
import { mark, withoutFiles } from './processes.js'
import { enginePid, serve } from './server.js'

/** Two processes answer for one server, through the whole file; a test near the end ends it. */
let folder: string
let server: Running
/** one process, for the first test */
let lone: Running
let url: string
let versions: string[]
const marked = mark()
/** What starts soon. */
const ONE_TIER: TinyFamilyOptions = { tiers: ['fast'] }
const ONE_ENGINE = ['--provider', 'cpu', '--lanes', '1']
const TEXT = { text: 'the court held', tier: 'fast' }

const folders = () => ['--models', join(folder, 'models'), '--cache', join(folder, 'cache'), ...ONE_ENGINE]
const ready = (at = url) => poll(`${at}/health/ready`, ({ status }) => status === 200)

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-api-processes-'))
  const { version } = await writeTinyFamily(join(folder, 'models', 'tiny'), ONE_TIER)
  const changed = await writeTinyFamily(join(folder, 'changed'), { ...ONE_TIER, seed: 2 })
  const reread = await writeTinyFamily(join(folder, 'reread'), { ...ONE_TIER, seed: 2, tokenizer: exchangedTokens() })
  versions = [version, changed.version, reread.version]
  server = serve([...folders(), '--api-processes', '2', '--management-port', '0'], marked.variables)
  lone = serve([...folders(), '--api-processes', '1'])
  url = await address(server)
  await ready()
})
after(async () => {
  server.child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** The same words with other ids: what reads a text with the wrong one gets another answer. */
function exchangedTokens(): string {
  const definition = JSON.parse(tinyTokenizer().json) as { model: { vocab: Record<string, number> } }
  const { vocab } = definition.model
  ;[vocab.the, vocab.court] = [vocab.court!, vocab.the!]
  return JSON.stringify(definition)
}

/** Of the API processes, in the order in which they began to listen; dead ones included. */
function apiProcessPids(): number[] {
  return [...server.output.stdout.matchAll(/"pid":(\d+),"msg":"API process listens"/g)].map(([, pid]) => Number(pid))
}

const notAnswered = (outcomes: readonly Outcome[]) => outcomes.filter(({ status }) => status !== 200)

/** @returns the sum over all labels of what the exposition says */
async function metric(pattern: RegExp, at = url): Promise<number> {
  const lines = (await (await fetch(`${at}/metrics`)).text()).split('\n').filter((line) => pattern.test(line))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
const PREDICT_REQUESTS = /^lextier_requests_total\{.*predict/

test('everything is answered as by one process', async () => {
  const loneUrl = await address(lone)
  await ready(loneUrl)
  const post = (type: string, body: string, headers = {}) => ({
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body,
  })
  const json = (body: object, headers = {}) => post('application/json', JSON.stringify(body), headers)
  const lines = [TEXT, { text: 'law', tier: 'none' }, 'no JSON', { texts: ['a', 'b'], tier: 'fast' }]
  const stream = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  const requests: [path: string, init?: RequestInit][] = [
    ['/v1/predict', json(TEXT)],
    ['/v1/predict', json({ texts: ['<b>the jury</b>', 'held '.repeat(200)], tier: 'fast' })],
    ['/v1/predict', json({ text: 'law', tier: 'auto', min_confidence: 1, abstain_below: 1 }, { 'x-family': 'tiny' })],
    ['/v1/predict', json({ text: 'law', family: 'none' })],
    ['/v1/predict', json({ text: 'law', tier: 'none' })],
    ['/v1/predict', json({ text: '<p></p>' })],
    ['/v1/predict', json({ text: 'law', wrong: 1 })],
    ['/v1/predict', json({ texts: Array(64).fill('a '.repeat(3_000)) })],
    ['/v1/predict', post('application/json', '{')],
    ['/v1/predict', post('text/plain', 'law')],
    ['/v1/predict', post('application/x-ndjson', stream)],
    ['/v1/predict'],
    ['/v1/families'],
    ['/v1/families/tiny'],
    ['/v1/families/none'],
    ['/health/live'],
    ['/health/ready'],
    ['/openapi.json'],
  ]
  for (const [path, init] of requests) {
    const [there, here] = await Promise.all([fetch(`${url}${path}`, init), fetch(`${loneUrl}${path}`, init)])
    assert.equal(there.status, here.status, path)
    assert.equal(there.headers.get('content-type'), here.headers.get('content-type'))
    assert.equal(unmeasured(await there.text()), unmeasured(await here.text()), `${path} ${init?.body}`)
  }
  lone.child.kill('SIGKILL')
})

/** An answer without times and the request's name. */
function unmeasured(text: string): string {
  return text.replace(/"(\w+_ms|request_id)":("[^"]*"|[\d.]+)/g, '"$1":0')
}

test('the figures add up over the processes, each request counted once', async () => {
  const PREDICTIONS = /^lextier_predictions_total/
  const [requests, predictions] = [await metric(PREDICT_REQUESTS), await metric(PREDICTIONS)]
  // a connection each: both processes have some
  const outcomes = await Promise.all(Array.from({ length: 12 }, () => call(url, { texts: ['law', 'a'], tier: 'fast' })))
  assert.deepEqual(notAnswered(outcomes), [])
  await until(async () => (await metric(PREDICT_REQUESTS)) >= requests + 12, 'the last request to be counted')
  assert.equal(await metric(PREDICT_REQUESTS), requests + 12)
  assert.equal(await metric(PREDICTIONS), predictions + 24)
  assert.equal(await metric(PREDICTIONS, await managementAddress(server)), predictions + 24)
  assert.equal(await metric(/^lextier_family_info/), 1)
})

test('kill -9 of one API process: the work of its callers leaves the queue, the other answers, and it is started again', async () => {
  const engine = enginePid(server)
  const depth = () => metric(/^lextier_queue_depth\{tier="fast"/)
  const counted = await metric(PREDICT_REQUESTS)
  process.kill(engine, 'SIGSTOP')
  const calls = Array.from({ length: 12 }, () => call(url, { text: 'the court', tier: 'fast' }))
  try {
    let waiting = 0
    // whatever the engine has taken before it stopped, the others wait
    await until(async () => {
      waiting = await depth()
      return waiting >= 6
    }, 'a queue')
    await delay(100)
    waiting = await depth()
    process.kill(apiProcessPids()[0]!, 'SIGKILL')
    // who was about to tell may be the one that died
    const after = () => depth().catch(() => waiting)
    await until(async () => (await after()) < waiting, 'the work of the dead to leave the queue')
  } finally {
    process.kill(engine, 'SIGCONT')
  }
  const lost = notAnswered(await Promise.all(calls))
  assert.ok(lost.length > 0 && lost.length < 12, `${lost.length} of 12 were with the dead process`)
  assert.deepEqual(
    lost.filter(({ status }) => status !== undefined),
    [],
  )
  const load = startLoad(url, 4, TEXT)
  await until(() => apiProcessPids().length === 3, 'another process')
  await until(() => load.outcomes.length > 20, 'answers')
  assert.deepEqual(notAnswered(await load.stop()), [])
  assert.ok((await metric(PREDICT_REQUESTS)) >= counted + 20, 'what the dead process counted stays counted')
  for (let asked = 0; asked < 4; asked++) assert.equal((await fetch(`${url}/health/ready`)).status, 200)
})

test('an API process that cannot be started because no more files can be opened is started once they can', async () => {
  const listened = apiProcessPids().length
  const giveBack = withoutFiles(server.child.pid!)
  try {
    process.kill(apiProcessPids().at(-1)!, 'SIGKILL')
    await until(() => /could not be started: .*EMFILE/.test(server.output.stdout), 'a start that fails')
  } finally {
    giveBack()
  }
  await until(() => apiProcessPids().length === listened + 1, 'another process')
})

test('kill -9 of an engine under load fails no request', async () => {
  const load = startLoad(url, 6, TEXT)
  await until(() => load.outcomes.length > 30, 'answers')
  process.kill(enginePid(server), 'SIGKILL')
  await until(async () => (await fetch(`${url}/health/ready`)).status === 503, 'the death to be noticed')
  await ready()
  const answered = load.outcomes.length
  await until(() => load.outcomes.length > answered + 30, 'answers of the new engine')
  assert.deepEqual(notAnswered(await load.stop()), [])
})

test('SIGHUP under load: a changed family, and one that reads its texts otherwise, go over without an error', async () => {
  const load = startLoad(url, 6, TEXT)
  const answersOf = (version: string) => until(() => load.outcomes.at(-1)?.version === version, `answers of ${version}`)
  await answersOf(versions[0]!)
  for (const [index, name] of ['changed', 'reread'].entries()) {
    await rename(join(folder, 'models', 'tiny'), join(folder, `old-${index}`))
    await rename(join(folder, name), join(folder, 'models', 'tiny'))
    server.child.kill('SIGHUP')
    await answersOf(versions[index + 1]!)
  }
  const outcomes = await load.stop()
  assert.deepEqual(notAnswered(outcomes), [])
  // a version reads the text in one way only
  const probabilities = versions.map(
    (version) =>
      new Set(outcomes.filter((one) => one.version === version).map(({ probability }) => probability?.toFixed(4))),
  )
  assert.deepEqual(
    probabilities.map(({ size }) => size),
    [1, 1, 1],
  )
  assert.equal(new Set(probabilities.flatMap((set) => [...set])).size, 3)
  const { families } = (await (await fetch(`${url}/v1/families`)).json()) as { families: { version: string }[] }
  assert.equal(families[0]?.version, versions[2])
})

test('SIGTERM under load answers every accepted request, exits 0, and no process is left', async () => {
  const load = startLoad(url, 8, { text: 'the court held '.repeat(1_000), tier: 'fast' })
  await until(() => load.outcomes.length > 8, 'answers')
  for (let opened = 0; opened < 2; opened++) connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  server.child.kill('SIGTERM')
  const { exitCode, stdout, stderr } = await server.finished
  const outcomes = await load.stop()
  assert.equal(exitCode, 0, stderr)
  const others = notAnswered(outcomes).filter(({ status, code }) => status !== undefined && code !== 'DRAINING')
  assert.deepEqual(others, [])
  const lines = stdout.split('\n').slice(0, -1)
  const requests = lines.filter((line) => line.includes('"route":"/v1/predict"'))
  assert.deepEqual(
    requests.filter((line) => line.includes('"status":499')),
    [],
    'no connection was closed before its answer',
  )
  for (const line of lines) assert.doesNotThrow(() => JSON.parse(line), line)
  assert.deepEqual(await marked.pids(), [])
})

test('a port in use is told by the name of the setting, and no process is left', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const { variables, pids } = mark()
  const listen = ['--host', '127.0.0.1', '--port', String(port)]
  const { exitCode, stderr } = await run(['serve', ...folders(), ...listen, '--api-processes', '2'], variables)
  taken.close()
  assert.equal(exitCode, 2)
  assert.match(stderr, /^INVALID_CONFIGURATION: LEXTIER_PORT \(--port\): port \d+ of 127\.0\.0\.1 is in use/)
  assert.deepEqual(await pids(), [])
})

test('when the server itself is killed with -9, neither an API process nor an engine stays', async () => {
  const { variables, pids } = mark()
  const killed = serve([...folders(), '--api-processes', '2'], variables)
  await address(killed)
  await until(async () => (await pids()).length >= 4, 'itself, two that answer, and an engine')
  killed.child.kill('SIGKILL')
  await until(async () => (await pids()).length === 0, 'the last process to end')
})
