import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { testApp } from './support/test-app.js'

const CANARY = 'XANTHOPSIA quarrel of the petitioner'

interface Case {
  readonly name: string
  readonly payload: string | Buffer | object
  readonly headers?: Record<string, string>
  readonly status: number
  readonly code: string
  readonly pointer?: string
  readonly detail?: RegExp
}

const invalid = { status: 400, code: 'INVALID_REQUEST' }
const ok = { text: CANARY }

const CASES: readonly Case[] = [
  { name: 'an unknown property', payload: { ...ok, frobnicate: 1 }, ...invalid, pointer: '/frobnicate' },
  {
    name: 'a text sent as a property name, without repeating it',
    payload: { ...ok, [CANARY]: 1 },
    ...invalid,
    pointer: '',
  },
  { name: 'a __proto__ property', payload: `{"text":"${CANARY}","__proto__":{"a":1}}`, ...invalid },
  { name: 'both text and texts', payload: { ...ok, texts: [CANARY] }, ...invalid, detail: /exactly one/ },
  { name: 'neither text nor texts', payload: {}, ...invalid, detail: /exactly one/ },
  { name: 'an empty text', payload: { text: '' }, ...invalid, pointer: '/text' },
  { name: 'a blank text', payload: { text: ' \n\t\u00a0' }, ...invalid, pointer: '/text' },
  { name: 'a blank text among others', payload: { texts: [CANARY, ' '] }, ...invalid, pointer: '/texts/1' },
  { name: 'no texts', payload: { texts: [] }, ...invalid, pointer: '/texts' },
  { name: '65 texts', payload: { texts: Array(65).fill(CANARY) }, ...invalid, pointer: '/texts' },
  { name: 'a text that is a number', payload: { text: 7 }, ...invalid, pointer: '/text' },
  { name: 'a text that is null', payload: { text: null }, ...invalid, pointer: '/text' },
  { name: 'a body that is an array', payload: [ok], ...invalid, detail: /^the body must be object$/ },
  { name: 'a body that is a string', payload: JSON.stringify(CANARY), ...invalid },
  { name: 'a text of 2 MiB', payload: { text: 'a'.repeat(2 * 1024 * 1024) }, status: 413, code: 'PAYLOAD_TOO_LARGE' },
  {
    name: 'a text above 1 MiB in UTF-8 but not in characters',
    payload: { text: '§'.repeat(600_000) },
    status: 413,
    code: 'PAYLOAD_TOO_LARGE',
  },
  {
    name: 'a body above the limit',
    payload: { texts: Array(9).fill('a'.repeat(1024 * 1024)) },
    status: 413,
    code: 'PAYLOAD_TOO_LARGE',
    detail: /8388608 bytes/,
  },
  {
    name: 'bytes that are not UTF-8',
    payload: Buffer.concat([Buffer.from(`{"text":"${CANARY} `), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    ...invalid,
    detail: /UTF-8/,
  },
  { name: 'a lone surrogate', payload: `{"text":"${CANARY} \\ud800 x"}`, ...invalid, pointer: '/text' },
  { name: 'a lone low surrogate in texts', payload: '{"texts":["a","\\udc00"]}', ...invalid, pointer: '/texts/1' },
  { name: 'malformed JSON', payload: `{"text": "${CANARY}`, ...invalid, detail: /not valid JSON/ },
  { name: 'malformed JSON that quotes the text', payload: `${CANARY}`, ...invalid, detail: /not valid JSON/ },
  { name: 'an empty body', payload: '', ...invalid },
  { name: 'NaN in JSON', payload: `{"text":"${CANARY}","latency_budget_ms":NaN}`, ...invalid },
  ...[0, -5, 60_001, '25', null, true].map((budget) => ({
    name: `a budget of ${JSON.stringify(budget)}`,
    payload: { ...ok, latency_budget_ms: budget },
    ...invalid,
    pointer: '/latency_budget_ms',
  })),
  {
    name: 'a budget beyond what a number holds',
    payload: `{"text":"${CANARY}","latency_budget_ms":1e999}`,
    ...invalid,
    pointer: '/latency_budget_ms',
  },
  ...['0', '-1', 'NaN', 'Infinity', '60001', 'soon', '', '25, 30'].map((budget) => ({
    name: `a budget header of "${budget}"`,
    payload: ok,
    headers: { 'x-latency-budget-ms': budget },
    ...invalid,
    pointer: '/x-latency-budget-ms',
  })),
  { name: 'an unknown tier', payload: { ...ok, tier: 'huge' }, status: 404, code: 'TIER_NOT_FOUND', detail: /"huge"/ },
  {
    name: 'an unknown tier in the header',
    payload: ok,
    headers: { 'x-tier': 'huge' },
    status: 404,
    code: 'TIER_NOT_FOUND',
  },
  {
    name: 'a tier that is a text, without repeating it',
    payload: { ...ok, tier: CANARY },
    ...invalid,
    pointer: '/tier',
  },
  { name: 'a tier that is a number', payload: { ...ok, tier: 3 }, ...invalid, pointer: '/tier' },
  { name: 'an empty family', payload: { ...ok, family: '' }, ...invalid, pointer: '/family' },
  {
    name: 'min_confidence with a named tier',
    payload: { ...ok, tier: 'fast', min_confidence: 0.9 },
    ...invalid,
    pointer: '/min_confidence',
    detail: /always obeyed/,
  },
  {
    name: 'abstain_below under one half',
    payload: { ...ok, abstain_below: 0.4 },
    ...invalid,
    pointer: '/abstain_below',
  },
  {
    name: 'an unknown on_budget_miss',
    payload: { ...ok, on_budget_miss: 'wait' },
    ...invalid,
    pointer: '/on_budget_miss',
  },
  { name: 'an unknown long_text', payload: { ...ok, long_text: 'skip' }, ...invalid, pointer: '/long_text' },
  ...['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/x-ndjsonl'].map((type) => ({
    name: `content type ${type}`,
    payload: JSON.stringify(ok),
    headers: { 'content-type': type },
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  })),
  {
    name: 'a charset other than UTF-8',
    payload: JSON.stringify(ok),
    headers: { 'content-type': 'application/json; charset=iso-8859-1' },
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
  {
    name: 'a compressed body',
    payload: JSON.stringify(ok),
    headers: { 'content-encoding': 'gzip' },
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
]

suite('POST /v1/predict refuses, with a problem that does not repeat the text and without running anything:', () => {
  for (const { name, payload, headers, status, code, pointer, detail } of CASES) {
    test(name, async (t) => {
      const { predict, classifier, log } = await testApp(t)
      const response = await predict(payload, { 'x-request-id': 'req-1', ...headers })
      const problem = response.json()
      assert.deepEqual([response.statusCode, problem.code], [status, code], response.body)
      assert.match(String(response.headers['content-type']), /^application\/problem\+json/)
      assert.equal(problem.status, status)
      assert.equal(problem.request_id, 'req-1')
      assert.ok(problem.type && problem.title && problem.detail)
      if (pointer !== undefined) {
        assert.ok(
          problem.errors.some((error: { pointer: string }) => error.pointer === pointer),
          response.body,
        )
      }
      if (detail) assert.match(problem.detail, detail)
      assert.equal(classifier.asked.length, 0)
      for (const word of CANARY.split(' ')) {
        if (word.length < 4) continue
        assert.ok(!response.body.includes(word), response.body)
        assert.ok(!log.join('').includes(word), log.join(''))
      }
      assert.ok(!response.body.includes('    at '))
    })
  }
})

test('every violation of a small body is listed, and only the first of a huge one', async (t) => {
  const { predict } = await testApp(t)
  const small = (await predict({ text: 1, tier: 7, latency_budget_ms: 0, extra: 1 })).json()
  assert.deepEqual(small.errors.map((error: { pointer: string }) => error.pointer).sort(), [
    '/extra',
    '/latency_budget_ms',
    '/text',
    '/tier',
  ])
  const huge = (await predict({ texts: Array(9_000).fill(1) })).json()
  assert.equal(huge.errors.length, 1)
})

test('a large body of more values than any request has is refused without being taken over', async (t) => {
  const { predict, classifier } = await testApp(t)
  const answer = await predict({ texts: Array(200_000).fill('a') })
  assert.deepEqual([answer.statusCode, answer.json().code], [400, 'INVALID_REQUEST'])
  assert.match(answer.json().detail, /more than 10000 values/)
  const large = await predict({ texts: Array(64).fill('a'.repeat(10_000)) })
  assert.equal(large.statusCode, 200)
  assert.equal(classifier.asked.length, 1)
})
