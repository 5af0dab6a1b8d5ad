import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { Overloaded } from '../../src/errors.js'
import type { Classifier, RequestHead } from '../../src/serving/types.js'
import { testApp } from './support/test-app.js'

const full = () => Object.assign(new Overloaded('fast', 64), { retryAfterSeconds: 3 })

/** @returns the app, and what its classifier is asked of heads; it refuses each */
async function fullApp(...[context, config]: Parameters<typeof testApp>) {
  const parts = await testApp(context, config)
  const heads: RequestHead[] = []
  const classifier: Classifier = parts.classifier
  classifier.refusal = (head) => {
    heads.push(head)
    return full()
  }
  return { ...parts, heads }
}

test('a request that finds no room is told what it would be told had its body been read', async (t) => {
  const early = await fullApp(t)
  const late = await testApp(t)
  late.classifier.answer = () => Promise.reject(full())
  const headers = { 'x-tier': 'fast', 'x-family': 'outcome', 'x-latency-budget-ms': '25', 'x-request-id': 'one' }
  const answers = [await early.predict({ text: 'abc' }, headers), await late.predict({ text: 'abc' }, headers)]
  const [atOnce, after] = answers.map(({ statusCode, headers: { date: _, ...own }, body }) => ({
    statusCode,
    own,
    body,
  }))
  assert.deepEqual(atOnce, after)
  assert.equal(atOnce!.statusCode, 503)
  assert.equal(atOnce!.own['retry-after'], '3')
  const { arrivalMs, ...head } = early.heads[0]!
  assert.deepEqual(head, { family: 'outcome', tier: 'fast', budgetMs: 25 })
  assert.ok(arrivalMs <= performance.now())
  const exposition = await early.metrics.exposition()
  assert.match(exposition, /lextier_rejected_total\{reason="OVERLOADED"\} 1/)
  assert.match(exposition, /lextier_requests_total\{route="\/v1\/predict",status="503"\} 1/)
  assert.equal(early.log.filter((line) => line.includes('"status":503')).length, 1)
  assert.deepEqual(early.classifier.asked, [])
})

test('a head that leaves the choice to the body says so', async (t) => {
  const { predict, heads } = await fullApp(t)
  await predict('{"not read')
  const { arrivalMs: _, ...head } = heads[0]!
  assert.deepEqual(head, { family: undefined, tier: undefined, budgetMs: undefined })
})

test('a header that is not valid is told, streams are never refused as a whole, keys and limits come first', async (t) => {
  const { predict, heads } = await fullApp(t)
  assert.equal((await predict({ text: 'abc' }, { 'x-tier': 'none' })).statusCode, 404)
  assert.equal((await predict({ text: 'abc' }, { 'x-latency-budget-ms': '-1' })).statusCode, 400)
  const lines = await predict('{"text":"abc"}\n', { 'content-type': 'application/x-ndjson' })
  assert.equal(lines.statusCode, 200)
  assert.deepEqual(heads, [])
  const keyed = await fullApp(t, { apiKeys: ['secret'], rateLimitPerMinute: 1 })
  assert.equal((await keyed.predict({ text: 'abc' })).statusCode, 401)
  const key = { 'x-api-key': 'secret' }
  assert.equal((await keyed.predict({ text: 'abc' }, key)).statusCode, 503)
  assert.equal((await keyed.predict({ text: 'abc' }, key)).statusCode, 429)
})

test('a connection is kept after its body was not read, however long that is', async (t) => {
  const { app, draining } = await fullApp(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const sockets = new Set<unknown>()
  for (const letters of [10, 3_000_000, 10]) {
    const status = await new Promise((resolve, reject) => {
      const body = JSON.stringify({ text: 'a'.repeat(letters) })
      const headers = { 'content-type': 'application/json', 'content-length': body.length }
      const call = request({ port, host: '127.0.0.1', path: '/v1/predict', method: 'POST', agent, headers })
      call.on('error', reject)
      call.on('socket', (socket) => sockets.add(socket))
      call.on('response', (response) => text(response).then(() => resolve(response.statusCode), reject))
      call.end(body)
    })
    assert.equal(status, 503)
  }
  assert.equal(sockets.size, 1)
  await draining.idle()
})
