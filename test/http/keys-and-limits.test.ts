import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyChecker, presentedKey } from '../../src/http/api-keys.js'
import { testApp } from './support/test-app.js'

test('a key is taken from Authorization: Bearer or from X-Api-Key', () => {
  assert.equal(presentedKey({ authorization: 'Bearer abc' }), 'abc')
  assert.equal(presentedKey({ authorization: 'bearer  abc ' }), 'abc')
  assert.equal(presentedKey({ 'x-api-key': 'abc' }), 'abc')
  assert.equal(presentedKey({ authorization: 'Basic abc' }), undefined)
  assert.equal(presentedKey({}), undefined)
})

test('exactly the configured keys are accepted', () => {
  const accepts = keyChecker(['first', 'second'])
  assert.deepEqual(['first', 'second', 'firs', 'first ', '', 'third'].map(accepts), [
    true,
    true,
    false,
    false,
    false,
    false,
  ])
})

test('where keys are configured, a request without one or with a wrong one is UNAUTHORIZED before its body is read', async (t) => {
  const { app, predict, classifier } = await testApp(t, { apiKeys: ['k-1', 'k-2'] })
  for (const headers of [{}, { authorization: 'Bearer k-3' }, { 'x-api-key': 'K-1' }]) {
    const response = await predict('not JSON', headers)
    assert.deepEqual([response.statusCode, response.json().code], [401, 'UNAUTHORIZED'])
    assert.match(String(response.headers['www-authenticate']), /^Bearer/)
    assert.ok(!response.body.includes('k-'))
  }
  assert.equal((await predict({ text: 'abc' }, { authorization: 'Bearer k-2' })).statusCode, 200)
  assert.equal((await predict({ text: 'abc' }, { 'x-api-key': 'k-1' })).statusCode, 200)
  assert.equal(classifier.asked.length, 2)
  assert.equal((await app.inject('/v1/families')).statusCode, 401)
  for (const open of ['/health/live', '/health/ready', '/metrics', '/openapi.json']) {
    assert.equal((await app.inject(open)).statusCode, 200, open)
  }
})

test('each key has its own rate limit; beyond it 429 with Retry-After', async (t) => {
  const { predict } = await testApp(t, { apiKeys: ['k-1', 'k-2'], rateLimitPerMinute: 2 })
  const statuses = []
  for (let i = 0; i < 3; i++) statuses.push((await predict({ text: 'abc' }, { 'x-api-key': 'k-1' })).statusCode)
  assert.deepEqual(statuses, [200, 200, 429])
  const refused = await predict({ text: 'abc' }, { 'x-api-key': 'k-1' })
  assert.equal(refused.json().code, 'RATE_LIMITED')
  const seconds = Number(refused.headers['retry-after'])
  assert.ok(seconds >= 1 && seconds <= 60, String(seconds))
  assert.equal((await predict({ text: 'abc' }, { 'x-api-key': 'k-2' })).statusCode, 200)
})

test('without keys a limit is for an address: the one that a trusted proxy tells, and nobody else', async (t) => {
  const statusesOf = async (trustedProxies?: string[]) => {
    const { app } = await testApp(t, { rateLimitPerMinute: 1, ...(trustedProxies && { trustedProxies }) })
    const statuses = []
    for (const caller of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) {
      const { statusCode } = await app.inject({
        method: 'POST',
        url: '/v1/predict',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': caller },
        payload: '{"text":"abc"}',
      })
      statuses.push(statusCode)
    }
    return statuses
  }
  assert.deepEqual(await statusesOf(['loopback']), [200, 200, 429])
  assert.deepEqual(await statusesOf(), [200, 429, 429])
  assert.deepEqual(await statusesOf(['10.0.0.0/8', 'fd00::/8']), [200, 429, 429])
})
