import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { closeApp } from '../../src/http/close-app.js'
import type { ClassifyRequest, ClassifyResult } from '../../src/serving/types.js'
import { deferred } from '../support/deferred.js'
import { resultFor } from './support/fake-classifier.js'
import { testApp } from './support/test-app.js'

test('a caller that closes its connection aborts its request, which is counted as 499', async (t) => {
  const { app, classifier, metrics } = await testApp(t)
  const asked = deferred<ClassifyRequest>()
  const aborted = deferred<unknown>()
  classifier.answer = (request) => {
    asked.resolve(request)
    return new Promise<ClassifyResult>((_resolve, reject) => {
      request.signal?.addEventListener('abort', () => {
        aborted.resolve(request.signal?.reason)
        reject(request.signal?.reason)
      })
    })
  }
  await app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/v1/predict`
  const caller = new AbortController()
  const call = fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"text":"abc"}',
    signal: caller.signal,
  })
  await asked.promise
  caller.abort()
  await assert.rejects(call)
  assert.equal(((await aborted.promise) as { code: string }).code, 'REQUEST_ABORTED')
  assert.match(await metrics.exposition(), /lextier_requests_total\{route="\/v1\/predict",status="499"\} 1/)
})

test('an answered request is not aborted', async (t) => {
  const { predict, classifier } = await testApp(t)
  await predict({ text: 'abc' })
  assert.equal(classifier.asked[0]?.signal?.aborted, false)
})

test('while draining, new predictions are refused, earlier ones are answered, and readiness says so', async (t) => {
  const { app, draining, predict, classifier } = await testApp(t)
  const release = deferred<void>()
  const arrived = deferred<void>()
  classifier.answer = async (request) => {
    arrived.resolve()
    await release.promise
    return resultFor(request)
  }
  const earlier = predict({ text: 'abc' })
  await arrived.promise
  draining.begin()
  const late = await predict({ text: 'abc' })
  assert.deepEqual([late.statusCode, late.json().code, late.headers.connection], [503, 'DRAINING', 'close'])
  assert.ok(late.headers['retry-after'])
  const ready = await app.inject('/health/ready')
  assert.deepEqual([ready.statusCode, ready.json().code], [503, 'DRAINING'])
  assert.equal((await app.inject('/health/live')).statusCode, 200)
  assert.equal(draining.inFlight, 1)
  const idle = draining.idle()
  release.resolve()
  assert.equal((await earlier).statusCode, 200)
  await idle
  assert.equal(draining.inFlight, 0)
})

test('a caller that leaves in the middle of its body is counted as 499 and not logged as a failure', async (t) => {
  const { app, draining, metrics, log } = await testApp(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(
    'POST /v1/predict HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"te',
  )
  while (draining.inFlight === 0) await setImmediate()
  socket.destroy()
  await draining.idle()
  assert.match(await metrics.exposition(), /lextier_requests_total\{route="\/v1\/predict",status="499"\} 1/)
  assert.ok(!log.some((line) => line.includes('"level":"error"')), log.join(''))
})

test('connections without a request, or with half of one, do not keep the server from closing', async (t) => {
  const { app } = await testApp(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const [silent, half] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  await Promise.all([once(silent, 'connect'), once(half, 'connect')])
  half.write('GET /health/live HTTP/1.1\r\nhost: a\r\n')
  const closed = [silent, half].map((socket) => {
    socket.resume()
    // one that has sent something may be reset
    socket.on('error', () => {})
    return new Promise((resolve) => socket.once('close', resolve))
  })
  await closeApp(app)
  await Promise.all(closed)
})

test('bytes that are not HTTP are answered with a problem', async (t) => {
  const { app } = await testApp(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('this is not HTTP\r\n\r\n')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  await once(socket, 'close')
  assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
  assert.match(answer, /application\/problem\+json/)
  assert.equal(JSON.parse(answer.split('\r\n\r\n')[1] ?? '').code, 'INVALID_REQUEST')
})

test('a body that does not arrive in time is answered 408 and its connection closed; a stream of lines may take longer', async (t) => {
  const { app } = await testApp(t, {}, { bodyTimeoutMs: 100 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const open = (type: string) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.write(`POST /v1/predict HTTP/1.1\r\nhost: h\r\ncontent-type: ${type}\r\ncontent-length: 13\r\n\r\n{"text":`)
    return { socket, received: () => received }
  }
  const slow = open('application/json')
  const stream = open('application/x-ndjson')
  await once(slow.socket, 'close')
  assert.match(slow.received(), /^HTTP\/1\.1 408 /)
  stream.socket.write('"a"}\n')
  while (!stream.received().includes('"predictions"')) await once(stream.socket, 'data')
  stream.socket.destroy()
})
