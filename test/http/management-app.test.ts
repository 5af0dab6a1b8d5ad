import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { buildManagementApp } from '../../src/http/management-app.js'
import type { Health } from '../../src/http/routes/health.js'
import { createMetrics } from '../../src/metrics/metrics.js'

async function managementApp(context: TestContext, health: Partial<Health> = {}) {
  const metrics = createMetrics({ processMetrics: false })
  const readiness = () => ({ ready: true, draining: false, reasons: [] })
  const app = await buildManagementApp({ health: { readiness, ...health }, metrics })
  context.after(() => app.close())
  return app
}

test('health and metrics are there, and what was asked is counted', async (t) => {
  const app = await managementApp(t)
  assert.deepEqual((await app.inject('/health/live')).json(), { status: 'live' })
  assert.deepEqual((await app.inject('/health/ready')).json(), { status: 'ready' })
  const { headers, body } = await app.inject('/metrics')
  assert.match(String(headers['content-type']), /^text\/plain/)
  assert.match(body, /lextier_requests_total\{route="\/health\/ready",status="200"\} 1/)
})

test('ready says why it is not, and that the server shuts down', async (t) => {
  const waiting = await managementApp(t, {
    readiness: () => ({ ready: false, draining: false, reasons: ['outcome/teacher warms up'] }),
  })
  const response = await waiting.inject('/health/ready')
  assert.deepEqual([response.statusCode, response.json().reasons], [503, ['outcome/teacher warms up']])
  const leaving = await managementApp(t, { readiness: () => ({ ready: true, draining: true, reasons: [] }) })
  assert.equal((await leaving.inject('/health/ready')).json().code, 'DRAINING')
  assert.equal((await leaving.inject('/health/live')).statusCode, 200)
})

test('a server that stands still is neither live nor ready', async (t) => {
  const app = await managementApp(t, { standstill: () => 'the server has stood still for 12 s' })
  for (const path of ['/health/live', '/health/ready']) {
    const response = await app.inject(path)
    assert.deepEqual([response.statusCode, response.json().code], [503, 'NOT_READY'])
    assert.deepEqual(response.json().reasons, ['the server has stood still for 12 s'])
  }
})

test('anything else is refused with what there is', async (t) => {
  const app = await managementApp(t)
  const prediction = await app.inject({ method: 'POST', url: '/v1/predict', payload: { text: 'a' } })
  assert.deepEqual([prediction.statusCode, prediction.json().code], [404, 'NOT_FOUND'])
  assert.match(prediction.json().detail, /\/health\/live, \/health\/ready and \/metrics/)
  const wrong = await app.inject({ method: 'POST', url: '/metrics' })
  assert.deepEqual([wrong.statusCode, wrong.headers.allow], [405, 'GET, HEAD'])
})
