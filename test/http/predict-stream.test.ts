import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Overloaded } from '../../src/errors.js'
import type { HttpConfig } from '../../src/http/app-types.js'
import type { ClassifyRequest } from '../../src/serving/types.js'
import { deferred } from '../support/deferred.js'
import { resultFor } from './support/fake-classifier.js'
import { testApp } from './support/test-app.js'

const NDJSON = 'application/x-ndjson'
type Parts = Awaited<ReturnType<typeof testApp>>

// biome-ignore lint/suspicious/noExplicitAny: what is asserted is what the fields hold
const parsed = (body: string): any[] =>
  body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/** @returns a stream to a listening app: what is written goes out at once, the answer comes with the response */
async function openStream({ app }: Parts, headers: Record<string, string> = {}) {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const options = { host: '127.0.0.1', port, path: '/v1/predict', method: 'POST' }
  const outgoing = httpRequest({ ...options, headers: { 'content-type': NDJSON, ...headers } })
  outgoing.on('error', () => {})
  outgoing.flushHeaders()
  const response = once(outgoing, 'response').then(([incoming]) => incoming as IncomingMessage)
  response.catch(() => {})
  return { outgoing, response }
}

async function streamApp(t: TestContext, config: Partial<HttpConfig> = {}) {
  const parts = await testApp(t, config)
  const send = (payload: string | Buffer, headers = {}) =>
    parts.predict(payload, { 'content-type': NDJSON, ...headers })
  return { ...parts, send }
}

test('a stream answers each line in order, and a bad line has a problem in its place', async (t) => {
  const { send, classifier } = await streamApp(t)
  // the first answers last
  classifier.answer = async (request) => {
    await delay(request.texts[0] === 'first' ? 30 : 1)
    return resultFor(request)
  }
  const lines = [
    '{"text":"first"}',
    '{"text":',
    '{"text":"a","nonsense":1}',
    '{"texts":["one","two words"],"tier":"fast"}\r',
    '',
    '{"text":"a","tier":"gigantic"}',
    '{"text":"\u00e9\u00e9"}',
  ]
  const response = await send(lines.join('\n'))
  assert.equal(response.statusCode, 200)
  assert.match(String(response.headers['content-type']), /^application\/x-ndjson/)
  const answers = parsed(response.body)
  assert.deepEqual(
    answers.map(({ code, predictions }) => code ?? predictions.map(({ tokens }: { tokens: number }) => tokens)),
    [[5], 'INVALID_REQUEST', 'INVALID_REQUEST', [3, 9], 'TIER_NOT_FOUND', [2]],
  )
  assert.equal(answers[3].tier, 'fast')
  assert.deepEqual([answers[2].status, answers[2].errors[0].pointer], [400, '/nonsense'])
  assert.equal(answers[1].request_id, response.headers['x-request-id'])
})

test('the headers of a stream hold for each of its lines, and wrong ones refuse the whole of it', async (t) => {
  const { send, classifier } = await streamApp(t)
  await send('{"text":"a"}\n{"text":"b","tier":"fast"}\n', { 'x-tier': 'teacher', 'x-latency-budget-ms': '25' })
  assert.deepEqual(
    classifier.asked.map(({ tier, budgetMs }) => [tier, budgetMs]),
    [
      ['teacher', 25],
      ['teacher', 25],
    ],
  )
  const refused = await send('{"text":"a"}\n', { 'x-latency-budget-ms': '-1' })
  assert.deepEqual([refused.statusCode, refused.json().code], [400, 'INVALID_REQUEST'])
  const compressed = await send('{"text":"a"}\n', { 'content-encoding': 'gzip' })
  assert.equal(compressed.statusCode, 415)
})

test('a line that is too long or not UTF-8 costs its own place only', async (t) => {
  const { send } = await streamApp(t, { maxBodyBytes: 1024 })
  const bad = Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xff]), Buffer.from('"}\n')])
  const long = `{"text":"${'x'.repeat(2_000)}"}\n`
  const good = '{"text":"good"}\n'
  const body = Buffer.concat([bad, Buffer.from(long + good), Buffer.from(long.repeat(3) + good)])
  const answers = parsed((await send(body)).body)
  const tooLarge = 'PAYLOAD_TOO_LARGE'
  assert.deepEqual(
    answers.map(({ code, tier }) => code ?? tier),
    ['INVALID_REQUEST', tooLarge, 'balanced', tooLarge, tooLarge, tooLarge, 'balanced'],
  )
})

test('an answer comes as soon as it is there, before the next line is sent', async (t) => {
  const parts = await streamApp(t)
  const { outgoing, response } = await openStream(parts)
  outgoing.write('{"text":"first"}\n')
  const lines = createInterface({ input: await response })[Symbol.asyncIterator]()
  assert.equal(JSON.parse((await lines.next()).value).predictions[0].tokens, 5)
  outgoing.write('{"text":"the se')
  outgoing.end('cond"}')
  assert.equal(JSON.parse((await lines.next()).value).predictions[0].tokens, 10)
  assert.equal((await lines.next()).done, true)
})

test('thousands of lines go through with few of them in flight', async (t) => {
  const parts = await streamApp(t)
  const { classifier } = parts
  let inFlight = 0
  let most = 0
  classifier.answer = async (request) => {
    most = Math.max(most, ++inFlight)
    await new Promise(setImmediate)
    inFlight--
    return resultFor(request)
  }
  const { outgoing, response } = await openStream(parts)
  const count = 3_000
  for (let i = 0; i < count; i++) outgoing.write(`{"text":"${'x'.repeat(i + 1)}"}\n`)
  outgoing.end()
  let i = 0
  for await (const line of createInterface({ input: await response })) {
    assert.equal(JSON.parse(line).predictions[0].tokens, ++i)
  }
  assert.equal(i, count)
  assert.ok(most > 1 && most <= 64, `${most} in flight`)
})

test('while a caller does not read, no further line is read from it', async (t) => {
  const parts = await streamApp(t)
  const { classifier } = parts
  const answered = resultFor({ texts: ['a'], tier: 'fast' } as unknown as ClassifyRequest)
  // answers so large that they fill every buffer on the way soon
  const predictions = Array.from({ length: 500 }, () => answered.predictions[0]!)
  classifier.answer = async () => ({ ...answered, predictions })
  const { outgoing, response } = await openStream(parts)
  const count = 2_000
  for (let i = 0; i < count; i++) outgoing.write('{"text":"a"}\n')
  outgoing.end()
  const incoming = await response
  let asked = -1
  while (asked !== classifier.asked.length) {
    asked = classifier.asked.length
    await delay(100)
  }
  assert.ok(asked > 0 && asked < count / 2, `${asked} of ${count} lines were worked on`)
  let lines = 0
  for await (const _ of createInterface({ input: incoming })) lines++
  assert.equal(lines, count)
})

test('a caller that closes a stream ends its work', async (t) => {
  const parts = await streamApp(t)
  const { classifier, draining, log } = parts
  const begun = deferred<void>()
  classifier.answer = (request) => {
    begun.resolve()
    return new Promise((_, reject) => {
      request.signal?.addEventListener('abort', () => reject(request.signal?.reason))
    })
  }
  const { outgoing } = await openStream(parts)
  for (let i = 0; i < 1_000; i++) outgoing.write('{"text":"a"}\n')
  await begun.promise
  outgoing.destroy()
  await draining.idle()
  await delay(50)
  assert.equal(classifier.asked.length, 64)
  assert.ok(classifier.asked.every(({ signal }) => signal?.aborted))
  assert.ok(!log.some((line) => line.includes('"level":"error"')), log.join(''))
})

test('an overloaded server makes a stream wait; a line with a budget is told instead', async (t) => {
  const { send, classifier } = await streamApp(t)
  let refusals = 2
  classifier.answer = async (request) => {
    if (request.budgetMs !== undefined || refusals-- > 0) throw new Overloaded('fast', 256)
    return resultFor(request)
  }
  const [patient, hurried] = parsed((await send('{"text":"a"}\n{"text":"b","latency_budget_ms":5}\n')).body)
  assert.equal(patient.tier, 'balanced')
  assert.deepEqual([hurried.code, hurried.status], ['OVERLOADED', 503])
})

test('a shutdown answers the lines taken before, and ends the stream with a problem for the next', async (t) => {
  const parts = await streamApp(t)
  const { classifier, draining } = parts
  const begun = deferred<void>()
  const release = deferred<void>()
  classifier.answer = async (request) => {
    begun.resolve()
    await release.promise
    return resultFor(request)
  }
  const { outgoing, response } = await openStream(parts)
  outgoing.write('{"text":"a"}\n{"text":"bb"}\n')
  await begun.promise
  while (classifier.asked.length < 2) await delay(1)
  draining.begin()
  outgoing.write('{"text":"too late"}\n')
  release.resolve()
  const lines: string[] = []
  for await (const line of createInterface({ input: await response })) lines.push(line)
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).code ?? JSON.parse(line).predictions[0].tokens),
    [1, 2, 'DRAINING'],
  )
  await draining.idle()
  const late = await parts.send('{"text":"a"}\n')
  assert.deepEqual([late.statusCode, late.json().code], [503, 'DRAINING'])
})

test('the lines of a stream count against the rate limit beside lone requests, and the stream waits at it', async (t) => {
  const parts = await streamApp(t, { rateLimitPerMinute: 4 })
  const lone = () => parts.predict({ text: 'a' })
  assert.equal((await lone()).statusCode, 200)
  const { outgoing, response } = await openStream(parts)
  for (let i = 0; i < 5; i++) outgoing.write('{"text":"a"}\n')
  await response
  await delay(100)
  assert.equal(parts.classifier.asked.length, 4)
  assert.equal((await lone()).statusCode, 429)
  outgoing.destroy()
})
