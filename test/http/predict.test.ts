import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BudgetInfeasible,
  DeadlineExceeded,
  EngineFailed,
  FamilyNotFound,
  NotReady,
  Overloaded,
} from '../../src/errors.js'
import { testApp } from './support/test-app.js'

test('an answer has the fields and the headers of the contract', async (t) => {
  const { predict } = await testApp(t)
  const response = await predict({ text: 'abc', latency_budget_ms: 25 }, { 'x-request-id': 'my-id' })
  assert.equal(response.statusCode, 200)
  assert.deepEqual(response.json(), {
    family: 'outcome',
    version: `sha256:${'ab'.repeat(32)}`,
    tier: 'balanced',
    provider: 'cpu',
    predictions: [
      {
        label: 'wins',
        probability: 0.71,
        probabilities: { loses: 0.29, wins: 0.71 },
        tokens: 3,
        tokens_used: 3,
        windows: 1,
        truncated: false,
        abstained: false,
      },
    ],
    routing: {
      requested_tier: 'auto',
      budget_ms: 25,
      predicted_ms: 11.235,
      actual_ms: 9.8,
      budget_met: true,
      reason: 'most_accurate_within_budget',
      considered: [
        { tier: 'teacher', predicted_ms: 48.3 },
        { tier: 'balanced', predicted_ms: 11.235 },
      ],
    },
  })
  const { headers } = response
  assert.deepEqual(
    [headers['x-tier'], headers['x-family'], headers['x-predicted-latency-ms'], headers['x-request-id']],
    ['balanced', 'outcome', '11.235', 'my-id'],
  )
  assert.equal(headers['server-timing'], 'tokenize;dur=0.5, queue;dur=1.25, inference;dur=8')
})

test('without a budget, budget_ms and budget_met are null', async (t) => {
  const { predict } = await testApp(t)
  const { routing } = (await predict({ text: 'abc', tier: 'fast' })).json()
  assert.deepEqual([routing.budget_ms, routing.budget_met], [null, null])
})

test('texts are answered in order', async (t) => {
  const { predict } = await testApp(t)
  const { predictions } = (await predict({ texts: ['a', 'bbb', 'cc'] })).json()
  assert.deepEqual(
    predictions.map((one: { tokens: number }) => one.tokens),
    [1, 3, 2],
  )
})

test('the classifier gets the body with its defaults, the arrival time and a signal', async (t) => {
  const { predict, classifier } = await testApp(t)
  const before = performance.now()
  await predict({ text: 'abc' })
  const [asked] = classifier.asked
  assert.ok(asked)
  const { arrivalMs, signal, ...rest } = asked
  assert.deepEqual(rest, { texts: ['abc'], tier: 'auto', onBudgetMiss: 'fastest', longText: 'windows' })
  assert.ok(arrivalMs >= before && arrivalMs <= performance.now())
  assert.equal(signal?.aborted, false)
})

test('headers win over the body', async (t) => {
  const { predict, classifier } = await testApp(t)
  const response = await predict(
    { text: 'abc', tier: 'teacher', latency_budget_ms: 5, family: 'other' },
    { 'x-tier': 'fast', 'x-latency-budget-ms': '12.5', 'x-family': 'outcome' },
  )
  assert.equal(response.statusCode, 200)
  const { tier, budgetMs, family } = classifier.asked[0] ?? {}
  assert.deepEqual({ tier, budgetMs, family }, { tier: 'fast', budgetMs: 12.5, family: 'outcome' })
})

test('an X-Request-Id that is not a plain token is replaced', async (t) => {
  const { predict } = await testApp(t)
  for (const sent of ['two words', 'x'.repeat(129), '"quoted"', 'ü']) {
    const response = await predict({ text: 'abc' }, { 'x-request-id': sent })
    assert.match(String(response.headers['x-request-id']), /^[0-9a-f-]{36}$/)
  }
})

test('a UTF-8 byte order mark before the JSON is ignored', async (t) => {
  const { predict } = await testApp(t)
  const bytes = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"text":"abc"}')])
  assert.equal((await predict(bytes)).statusCode, 200)
})

test("the classifier's errors keep their status and code", async (t) => {
  const { predict, classifier } = await testApp(t)
  const cases: [Error, number, string][] = [
    [new FamilyNotFound('nope', 'outcome'), 404, 'FAMILY_NOT_FOUND'],
    [new BudgetInfeasible(1, 4), 422, 'BUDGET_INFEASIBLE'],
    [new DeadlineExceeded(25), 504, 'DEADLINE_EXCEEDED'],
    [new NotReady('warming up'), 503, 'NOT_READY'],
  ]
  for (const [error, status, code] of cases) {
    classifier.answer = () => Promise.reject(error)
    const response = await predict({ text: 'abc' })
    assert.deepEqual([response.statusCode, response.json().code, response.json().detail], [status, code, error.message])
  }
})

test('503 says when to try again: as long as the error suggests, else a second', async (t) => {
  const { predict, classifier } = await testApp(t)
  classifier.answer = () => Promise.reject(Object.assign(new Overloaded('fast', 9), { retryAfterSeconds: 2.4 }))
  assert.equal((await predict({ text: 'abc' })).headers['retry-after'], '3')
  classifier.answer = () => Promise.reject(new Overloaded('fast', 9))
  assert.equal((await predict({ text: 'abc' })).headers['retry-after'], '1')
})

test('an error that is not meant for callers becomes INTERNAL; the log names it without its message', async (t) => {
  const { predict, classifier, log } = await testApp(t)
  const text = 'the quixotic respondent'
  classifier.answer = (request) => Promise.reject(new TypeError(`cannot read ${request.texts[0]}`))
  const response = await predict({ text })
  assert.deepEqual([response.statusCode, response.json().code], [500, 'INTERNAL'])
  assert.ok(!response.body.includes('quixotic') && !response.body.includes('TypeError'))
  assert.ok(!log.join('').includes('quixotic'))
  assert.match(log.join(''), /"type":"TypeError","stack":\["at /)
  classifier.answer = () => Promise.reject(new EngineFailed('SIGSEGV'))
  assert.equal((await predict({ text })).json().code, 'INTERNAL')
  assert.match(log.join(''), /ENGINE_FAILED/)
})

test('an answered request is logged by route and status, without its text or its query', async (t) => {
  const { app, predict, log } = await testApp(t)
  await predict({ text: 'a zymurgic text' })
  await app.inject('/v1/families?text=zymurgic')
  await app.inject('/zymurgic')
  assert.equal(log.filter((line) => line.includes('"route":"/v1/predict"') && line.includes('"status":200')).length, 1)
  assert.equal(log.filter((line) => line.includes('"route":"unknown"')).length, 1)
  assert.ok(!log.join('').includes('zymurgic'))
})
