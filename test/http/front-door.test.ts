import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Overloaded } from '../../src/errors.js'
import type { HttpConfig } from '../../src/http/app-types.js'
import { testApp } from './support/test-app.js'

/** @returns an app that listens, and what answers a request to it whose head is refused while `full` says so */
async function listeningApp(t: TestContext, config: Partial<HttpConfig> = {}) {
  const parts = await testApp(t, config)
  const state = { full: true, asked: 0 }
  Object.assign(parts.classifier, {
    refusal: () => {
      state.asked++
      return state.full ? Object.assign(new Overloaded('fast', 64), { retryAfterSeconds: 3 }) : undefined
    },
  })
  await parts.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = parts.app.server.address() as AddressInfo
  const post = async (headers: Record<string, string> = {}, path = '/v1/predict') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'one', ...headers },
      body: '{"text":"abc"}',
    })
    const { date: _, ...told } = Object.fromEntries(response.headers)
    return { status: response.status, headers: told, body: await response.text() }
  }
  return { ...parts, state, post }
}

test('a refusal at the door is that behind it, and counts as one', async (t) => {
  const open = await listeningApp(t)
  const keyed = await listeningApp(t, { apiKeys: ['secret'] })
  const atDoor = await open.post()
  assert.deepEqual(atDoor, await keyed.post({ 'x-api-key': 'secret' }))
  assert.equal(atDoor.status, 503)
  assert.equal(atDoor.headers['retry-after'], '3')
  assert.equal(atDoor.headers['x-request-id'], 'one')
  const exposition = await open.metrics.exposition()
  assert.match(exposition, /lextier_rejected_total\{reason="OVERLOADED"\} 1/)
  assert.match(exposition, /lextier_requests_total\{route="\/v1\/predict",status="503"\} 1/)
  assert.match(exposition, /lextier_request_duration_seconds_count\{route="\/v1\/predict"\} 1/)
})

test('the refusals of a second are one line of the log', async (t) => {
  const { post, log } = await listeningApp(t)
  for (let request = 0; request < 3; request++) await post()
  await sleep(1_100)
  const lines = log.filter((line) => line.includes('"status":503'))
  assert.equal(lines.length, 1)
  assert.equal(JSON.parse(lines[0]!).refused, 3)
})

test('what finds room passes the door, and is not asked about again behind it', async (t) => {
  const { post, state, classifier } = await listeningApp(t)
  state.full = false
  assert.equal((await post()).status, 200)
  assert.equal(state.asked, 1)
  assert.equal(classifier.asked.length, 1)
})

test('keys and limits come before the door, other faults too', async (t) => {
  const keyed = await listeningApp(t, { apiKeys: ['secret'] })
  assert.equal((await keyed.post()).status, 401)
  const limited = await listeningApp(t, { rateLimitPerMinute: 1 })
  assert.equal((await limited.post()).status, 503)
  assert.equal((await limited.post()).status, 429)
  const open = await listeningApp(t)
  assert.equal((await open.post({ 'x-tier': 'none' })).status, 404)
  assert.equal((await open.post({}, '/v1/other')).status, 404)
  open.draining.begin()
  assert.match((await open.post()).body, /DRAINING/)
})

test('a server with a door closes as one without', async (t) => {
  const { app, post } = await listeningApp(t)
  await post()
  const closed = once(app.server, 'close')
  await app.close()
  await closed
})
