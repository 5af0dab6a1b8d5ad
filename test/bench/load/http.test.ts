import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startLiveProbe } from '../../../bench/load/live-probe.js'
import { createPredictClient } from '../../../bench/load/predict-client.js'

async function listen(t: TestContext, handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const call = { body: Buffer.from('{"text":"a"}'), tier: 'auto' } as const

test('an answer is read with its routing, over connections that stay open', async (t) => {
  const seen: unknown[] = []
  const ports = new Set<number | undefined>()
  const origin = await listen(t, (request, response) => {
    const { 'x-tier': tier, 'x-family': family, 'x-latency-budget-ms': budget } = request.headers
    seen.push([request.method, request.url, tier, family, budget])
    ports.add(request.socket.remotePort)
    const routing = { reason: 'most_accurate_within_budget', predicted_ms: 12.5, actual_ms: 7, budget_met: true }
    response.end(JSON.stringify({ tier: 'balanced', predictions: [{ tokens: 3 }], routing }))
  })
  const client = createPredictClient(origin, 'tiny', 5_000)
  t.after(() => client.close())
  const intendedMs = performance.now() - 10
  const { outcome, ...times } = await client.predict({ ...call, budgetMs: 25, intendedMs })
  await client.predict(call)
  assert.deepEqual(outcome, {
    tier: 'balanced',
    reason: 'most_accurate_within_budget',
    predictedMs: 12.5,
    actualMs: 7,
    budgetMet: true,
    texts: 1,
    tokens: 3,
  })
  assert.deepEqual([times.intendedMs, times.budgetMs], [intendedMs, 25])
  assert.ok(times.sentMs >= intendedMs + 10 && times.endedMs >= times.sentMs)
  assert.deepEqual(seen, [
    ['POST', '/v1/predict', 'auto', 'tiny', '25'],
    ['POST', '/v1/predict', 'auto', 'tiny', undefined],
  ])
  for (let i = 0; i < 10; i++) await client.predict(call)
  assert.ok(ports.size <= 2, `${ports.size} connections for requests one after another`)
})

test('errors are outcomes: of the server by code, of a proxy by status, of the network, and of patience', async (t) => {
  const answers: RequestListener[] = [
    (_, response) => response.writeHead(503).end('{"code":"OVERLOADED"}'),
    (_, response) => response.writeHead(502).end('<html>'),
    (request) => request.socket.destroy(),
    () => {},
  ]
  const origin = await listen(t, (request, response) => answers.shift()!(request, response))
  const client = createPredictClient(origin, 'tiny', 200)
  t.after(() => client.close())
  const codes = []
  for (let i = 0; i < 4; i++) codes.push((await client.predict(call)).outcome)
  assert.deepEqual(
    codes,
    ['OVERLOADED', 'HTTP_502', 'ECONNRESET', 'CLIENT_TIMEOUT'].map((errorCode) => ({ errorCode })),
  )
})

test('a live probe counts answers and failures', async (t) => {
  let asked = 0
  const enough = new Promise<void>((resolve) => {
    void listen(t, (_, response) => {
      asked++
      response.writeHead(asked === 1 ? 503 : 200).end()
      if (asked === 4) resolve()
    }).then((origin) => {
      probe = startLiveProbe(`${origin}/health/live`, 5)
    })
  })
  let probe: ReturnType<typeof startLiveProbe> | undefined
  await enough
  const { probes, failed, p50Ms } = await probe!.stop()
  assert.ok(probes >= 4 && p50Ms! > 0)
  assert.equal(failed, 1)
})
