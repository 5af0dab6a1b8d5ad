import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp } from './support/test-app.js'

test('live answers, and ready answers 200 only when the classifier is ready, 503 with the reasons otherwise', async (t) => {
  const { app, classifier } = await testApp(t)
  assert.deepEqual((await app.inject('/health/live')).json(), { status: 'live' })
  assert.deepEqual((await app.inject('/health/ready')).json(), { status: 'ready' })
  classifier.ready = { ready: false, draining: false, reasons: ['outcome/teacher warms up', 'broken: no weights.bin'] }
  const response = await app.inject('/health/ready')
  const { code, reasons } = response.json()
  assert.deepEqual([response.statusCode, code], [503, 'NOT_READY'])
  assert.deepEqual(reasons, ['outcome/teacher warms up', 'broken: no weights.bin'])
  assert.ok(response.headers['retry-after'])
})

test('the list of families names labels, tiers and which one is the default', async (t) => {
  const { app } = await testApp(t)
  const { families, refused } = (await app.inject('/v1/families')).json()
  assert.equal(families.length, 1)
  assert.deepEqual(refused, [])
  const [{ name, labels, ready, tiers, ...rest }] = families
  assert.deepEqual([name, labels, ready, rest.default], ['outcome', ['loses', 'wins'], true, true])
  assert.deepEqual(tiers[1], {
    tier: 'fast',
    architecture: 'minilm',
    parameters: 12_345,
    ready: true,
    provider: 'cpu',
    variant: 'portable',
    accuracy: { value: 0.66, low: 0.66 - 0.05, high: 0.66 + 0.05 },
  })
})

test('a family shows quality with intervals beside the majority, calibration, provider, latency profile and data card', async (t) => {
  const { app } = await testApp(t)
  const response = await app.inject('/v1/families/outcome')
  assert.equal(response.statusCode, 200)
  const family = response.json()
  const fast = family.tiers.find((tier: { tier: string }) => tier.tier === 'fast')
  assert.deepEqual(fast.latency_profile, [{ tokens: 128, predicted_ms: 4 }])
  assert.equal(fast.provider, 'cpu')
  assert.equal(fast.quality.macro_f1.value, 0.5)
  assert.equal(fast.quality.ece_equal_mass.value, 0.06)
  assert.equal(fast.calibration.fitted_on, 'validation')
  assert.equal(fast.teacher_agreement.value, 0.9)
  assert.equal(fast.hidden_size, 32)
  assert.equal(family.majority.macro_f1, 0.39)
  assert.deepEqual(family.data.label_counts, { loses: 350, wins: 647 })
  assert.equal(family.data.split.test, 97)
  assert.doesNotMatch(response.body, /[a-z][A-Z]\w*":/, 'keys are snake_case')
})

test('an unknown family is FAMILY_NOT_FOUND and names those there are', async (t) => {
  const { app } = await testApp(t)
  const response = await app.inject('/v1/families/nope')
  assert.deepEqual([response.statusCode, response.json().code], [404, 'FAMILY_NOT_FOUND'])
  assert.match(response.json().detail, /outcome/)
})

test('a path that does not exist is NOT_FOUND, a wrong method is 405 with Allow', async (t) => {
  const { app } = await testApp(t)
  const missing = await app.inject('/v2/nothing?text=secret')
  assert.deepEqual([missing.statusCode, missing.json().code], [404, 'NOT_FOUND'])
  assert.ok(!missing.body.includes('secret'))
  const wrong = await app.inject({ method: 'GET', url: '/v1/predict' })
  assert.deepEqual([wrong.statusCode, wrong.json().code, wrong.headers.allow], [405, 'METHOD_NOT_ALLOWED', 'POST'])
  for (const method of app.supportedMethods.filter((one) => one !== 'GET' && one !== 'HEAD')) {
    const response = await app.inject({ method: method as 'POST', url: '/health/live' })
    assert.equal(response.statusCode, 405, method)
  }
  const put = await app.inject({
    method: 'PUT',
    url: '/v1/families/x',
    payload: 'text',
    headers: { 'content-type': 'a/b' },
  })
  assert.deepEqual([put.statusCode, put.headers.allow], [405, 'GET, HEAD'])
})

test('a URL that does not decode is a problem, too', async (t) => {
  const { app } = await testApp(t)
  const response = await app.inject('/v1/families/%ff')
  assert.deepEqual([response.statusCode, response.json().code], [400, 'INVALID_REQUEST'])
  assert.match(String(response.headers['content-type']), /problem/)
})

test('/docs shows Swagger UI with assets of its own', async (t) => {
  const { app } = await testApp(t, { apiKeys: ['key'] })
  const page = await app.inject('/docs')
  const html = page.statusCode === 302 ? (await app.inject(String(page.headers.location))).body : page.body
  assert.match(html, /swagger-ui/)
  const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '')
  assert.ok(links.length > 0)
  for (const link of links) {
    assert.doesNotMatch(link, /^(https?:)?\/\//)
    const asset = await app.inject(new URL(link, 'http://host/docs/').pathname)
    assert.equal(asset.statusCode, 200, link)
  }
  assert.doesNotMatch(String(page.headers['content-security-policy']), /https?:|upgrade|validator/)
  assert.match(String(page.headers['content-security-policy']), /default-src 'self'/)
  assert.equal((await app.inject('/docs/json')).json().openapi, '3.1.0')
})

test('metrics are served as Prometheus text', async (t) => {
  const { app, predict } = await testApp(t)
  await predict({ text: 'abc' })
  await predict({ text: '' })
  await app.inject({
    method: 'POST',
    url: '/v1/predict',
    headers: { 'content-type': 'text/plain' },
    payload: 'abc',
  })
  await app.inject('/some/path/or/other')
  const response = await app.inject('/metrics')
  assert.match(String(response.headers['content-type']), /^text\/plain/)
  assert.match(response.body, /lextier_requests_total\{route="\/v1\/predict",status="200"\} 1/)
  assert.match(response.body, /lextier_requests_total\{route="unknown",status="404"\} 1/)
  assert.match(response.body, /lextier_rejected_total\{reason="INVALID_REQUEST"\} 1/)
  assert.match(response.body, /lextier_rejected_total\{reason="UNSUPPORTED_MEDIA_TYPE"\} 1/)
})
