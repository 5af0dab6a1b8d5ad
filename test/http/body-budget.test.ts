import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { BodyBudget, StreamShares } from '../../src/http/body-budget.js'
import { deferred } from '../support/deferred.js'
import { resultFor } from './support/fake-classifier.js'
import { testApp } from './support/test-app.js'

test('what is taken never exceeds the budget, and what is given back can be taken again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), fc.array(fc.nat(400)), (maxBytes, sizes) => {
      const budget = new BodyBudget(maxBytes)
      const taken = sizes.filter((bytes) => budget.take(bytes))
      const sum = taken.reduce((total, bytes) => total + bytes, 0)
      assert.ok(sum <= maxBytes)
      for (const bytes of taken) budget.giveBack(bytes)
      assert.ok(budget.take(maxBytes))
    }),
  )
})

test('few streams may each have as much in flight as a lone body, many share what is for all', () => {
  const shares = new StreamShares(100)
  const streams = Array.from({ length: 160 }, () => new EventEmitter())
  for (const stream of streams.slice(0, 16)) shares.opened(stream as never)
  assert.equal(shares.bytes(), 100)
  for (const stream of streams.slice(16)) shares.opened(stream as never)
  assert.equal(shares.bytes(), 10)
  for (const stream of streams.slice(8)) stream.emit('close')
  assert.equal(shares.bytes(), 100)
})

const LARGE = JSON.stringify({ text: 'a '.repeat(90 * 1024) })

test('large bodies beyond the budget are refused, whether they say their size or not, small ones never, until others are answered', async (t) => {
  const { app, classifier, predict, metrics } = await testApp(t, { maxBodyBytes: LARGE.length })
  const release = deferred<void>()
  classifier.answer = async (request) => {
    if (request.texts[0]!.length > 1_000) await release.promise
    return resultFor(request)
  }
  // it is sent when somebody waits for it
  const held = Array.from({ length: 16 }, () => predict(LARGE).then((response) => response))
  const refused = await predict(LARGE)
  assert.deepEqual([refused.statusCode, refused.json().code], [503, 'OVERLOADED'])
  assert.match(refused.json().detail, /large bodies of 3 MiB are under way/)
  assert.ok(Number(refused.headers['retry-after']) >= 1)
  assert.match(await metrics.exposition(), /lextier_rejected_total\{reason="OVERLOADED"\} 1/)

  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const unannounced = (body: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { 'content-type': 'application/json' }
      const outgoing = send({ port, path: '/v1/predict', method: 'POST', headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      outgoing.on('error', reject)
      // in two pieces: Node says the length of what is sent at once
      outgoing.write(body.slice(0, 10))
      outgoing.end(body.slice(10))
    })
  assert.equal(await unannounced(LARGE), 503)
  assert.equal(await unannounced('{"text":"abc"}'), 200)
  assert.equal((await predict({ text: 'abc' })).statusCode, 200)

  release.resolve()
  for (const { statusCode } of await Promise.all(held)) assert.equal(statusCode, 200)
  assert.equal((await predict(LARGE)).statusCode, 200)
  assert.equal(await unannounced(LARGE), 200)
})
