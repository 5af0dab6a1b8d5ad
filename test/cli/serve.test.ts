import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { writeTinyFamily } from '../support/tiny-family.js'
import { address, managementAddress, poll, type Running, start } from './lextier-process.js'

let folder: string
const servers: Running[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-serve-'))
  await writeTinyFamily(join(folder, 'good', 'tiny'))
  await writeTinyFamily(join(folder, 'mixed', 'tiny'))
  await writeTinyFamily(join(folder, 'mixed', 'altered'), { name: 'altered' })
  await appendFile(join(folder, 'mixed', 'altered', 'fast', 'weights.bin'), 'x')
})

after(async () => {
  for (const { child } of servers) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

function serve(models: string, ...args: string[]): Running {
  const server = start(['serve', '--host', '127.0.0.1', '--port', '0', '--models', join(folder, models), ...args])
  servers.push(server)
  return server
}

// biome-ignore lint/suspicious/noExplicitAny: what is asserted is what the fields hold
const json = (response: Response): Promise<any> => response.json()

const post = (url: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

test('the server predicts, and SIGTERM during requests answers every one of them and exits 0', async () => {
  const server = serve('good', '--provider', 'cpu', '--management-port', '0')
  const url = await address(server)
  const management = await managementAddress(server)
  assert.equal((await fetch(`${url}/health/live`)).status, 200, 'live while engines warm up')
  await poll(`${url}/health/ready`, ({ status }) => status === 200)

  const response = await post(url, { text: 'the petitioner won', latency_budget_ms: 5_000 }, { 'x-tier': 'fast' })
  const answer = await json(response)
  assert.equal(response.status, 200)
  assert.deepEqual([answer.family, answer.tier, answer.provider], ['tiny', 'fast', 'cpu'])
  const [prediction] = answer.predictions
  const sum = Object.values(prediction.probabilities as Record<string, number>).reduce((a, b) => a + b)
  assert.ok(Math.abs(sum - 1) < 1e-6)
  assert.equal(response.headers.get('x-tier'), 'fast')

  const missing = await post(url, { text: 'a', family: 'nope' })
  assert.deepEqual([missing.status, (await json(missing)).code], [404, 'FAMILY_NOT_FOUND'])
  await poll(`${management}/health/ready`, ({ status }) => status === 200)
  for (const origin of [url, management]) {
    const metrics = await (await fetch(`${origin}/metrics`)).text()
    assert.match(metrics, /lextier_predictions_total\{family="tiny",tier="fast",label="(wins|loses)"\} 1/)
  }

  const texts = Array.from({ length: 16 }, (_, i) => `the court held case ${i} `.repeat(60))
  const calls = Array.from({ length: 40 }, () => post(url, { texts, tier: 'teacher' }).then(({ status }) => status))
  await Promise.race(calls)
  // as browsers and load balancers hold: they have sent nothing that could be answered
  for (const origin of [url, management]) connect(Number(new URL(origin).port), '127.0.0.1').on('error', () => {})
  server.child.kill('SIGTERM')
  const draining = await poll(`${management}/health/ready`, ({ status }) => status === 503)
  assert.equal((await json(draining)).code, 'DRAINING')
  const statuses = await Promise.all(calls)
  const { exitCode, stdout, stderr } = await server.finished
  assert.equal(exitCode, 0, stderr)
  // a request that had not reached the server yet may be told to go elsewhere; none is cut off
  assert.ok(
    statuses.every((status) => status === 200 || status === 503),
    statuses.join(),
  )
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const drainingAt = lines.findIndex(({ msg }) => msg === 'draining')
  const { inFlight } = lines[drainingAt]
  assert.ok(inFlight > 0, 'requests were in flight')
  const answered = lines.slice(drainingAt).filter(({ route, status }) => route === '/v1/predict' && status === 200)
  assert.equal(answered.length, inFlight)
  assert.ok(!stdout.includes('petitioner') && !stdout.includes('the court held'), 'texts are not logged')
})

test('a family with an altered file is named as not ready, and the others answer', async () => {
  const server = serve('mixed', '--provider', 'cpu', '--engines', '1', '--threads', '1')
  const url = await address(server)
  await poll(`${url}/v1/families/tiny`, async (response) => (await json(response)).ready)
  // rehearsed requests are a reason of their own until they are done
  await poll(`${url}/health/ready`, async (response) => (await json(response)).reasons.length === 1)
  const ready = await fetch(`${url}/health/ready`)
  const problem = await json(ready)
  assert.deepEqual([ready.status, problem.code, problem.reasons.length], [503, 'NOT_READY', 1])
  assert.match(problem.reasons[0], /"altered".*weights\.bin/)
  assert.equal((await post(url, { text: 'a', family: 'tiny' })).status, 200)
  const altered = await post(url, { text: 'a', family: 'altered' })
  assert.deepEqual([altered.status, (await json(altered)).code], [503, 'NOT_READY'])
  server.child.kill('SIGINT')
  assert.equal((await server.finished).exitCode, 0)
})
