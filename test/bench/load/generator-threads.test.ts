import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createLoadGenerator } from '../../../bench/load/generator-threads.js'
import { localGenerator } from '../../../bench/load/load-generator.js'
import { isAnswered } from '../../../bench/load/observation.js'
import { createPredictClient } from '../../../bench/load/predict-client.js'
import { createRandom } from '../../../training/random.js'

interface Seen {
  readonly atMs: number
  readonly body: string
  readonly budget: string | undefined
  /** requests that were open when it came, itself included */
  readonly open: number
}

/** Answers after 3 ms with as many tokens as the text has letters, and sees what comes. */
async function tinyServer(t: TestContext) {
  const seen: Seen[] = []
  let open = 0
  const server = createServer(async (request, response) => {
    const atMs = performance.now()
    const openNow = ++open
    let body = ''
    for await (const chunk of request) body += chunk
    const { 'x-latency-budget-ms': budget, 'x-tier': tier } = request.headers
    seen.push({ atMs, body, budget: budget as string | undefined, open: openNow })
    const { text } = JSON.parse(body) as { text: string }
    const routing = { reason: 'requested', predicted_ms: 4, actual_ms: 3, budget_met: null }
    const answer = JSON.stringify({ tier, predictions: [{ tokens: text.length }], routing })
    setTimeout(() => {
      open--
      response.end(answer)
    }, 3)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { seen, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const BODIES = ['a', 'bb', 'ccc', 'dddd', 'eeeee'].map((text) => JSON.stringify({ text }))

async function generatorOf(t: TestContext, origin: string, threads: number) {
  const settings = { origin, family: 'tiny', timeoutMs: 5_000, bodies: BODIES, seed: 1 }
  const buffers = BODIES.map((body) => Buffer.from(body))
  const local = localGenerator(createPredictClient(origin, 'tiny', 5_000), buffers, createRandom(1).fork('load'))
  const generator = await createLoadGenerator(local, settings, threads)
  t.after(() => generator.close())
  return generator
}

test('threads send a plan at its times, and what they saw comes back in its order, on this clock', async (t) => {
  const { seen, origin } = await tinyServer(t)
  const generator = await generatorOf(t, origin, 3)
  const arrivalsMs = Array.from({ length: 40 }, (_, i) => 4 * i)
  const requests = arrivalsMs.map((_, i) => ({ body: i % 5, tier: 'fast' as const, budgetMs: 100 + i }))
  const beforeMs = performance.now()
  const observations = await generator.openLoop({ arrivalsMs, requests, poll: false })
  const afterMs = performance.now()
  assert.deepEqual(
    observations.map(({ budgetMs }) => budgetMs),
    requests.map(({ budgetMs }) => budgetMs),
  )
  for (const [i, observation] of observations.entries()) {
    assert.ok(isAnswered(observation))
    assert.deepEqual([observation.outcome.tokens, observation.outcome.texts], [1 + (i % 5), 1])
    assert.ok(Math.abs(observation.intendedMs - observations[0]!.intendedMs - arrivalsMs[i]!) < 0.5)
    // what the server saw, on the clock of this thread, lies between the send and the answer
    const { atMs } = seen.find(({ budget }) => budget === String(100 + i))!
    assert.ok(beforeMs < observation.sentMs && observation.sentMs >= observation.intendedMs - 1e-3)
    assert.ok(observation.sentMs < atMs && atMs < observation.endedMs && observation.endedMs < afterMs)
  }
})

test('threads draw texts and budgets of their own, over connections that are divided', async (t) => {
  const { seen, origin } = await tinyServer(t)
  const generator = await generatorOf(t, origin, 2)
  const mix = { tier: 'fast' as const, budgetsMs: [10, 20] }
  const { observations, startMs, endMs } = await generator.closedLoop({ ...mix, connections: 5, durationMs: 150 })
  assert.equal(observations.length, seen.length)
  assert.ok(Math.abs(endMs - startMs - 150) < 1e-6)
  assert.ok(observations.every(({ sentMs }) => sentMs >= startMs - 0.5))
  assert.equal(Math.max(...seen.map((one) => one.open)), 5)
  assert.deepEqual(new Set(seen.map(({ body }) => body)), new Set(BODIES))
  assert.deepEqual(new Set(seen.map(({ budget }) => budget)), new Set(['10', '20']))
  // one connection leaves the other thread idle
  const lone = await generator.closedLoop({ ...mix, connections: 1, durationMs: 0 })
  assert.equal(lone.observations.length, 1)
})

test('one generator sends the same requests as ever: from this thread, decided by the seed', async (t) => {
  const sent = async () => {
    const { seen, origin } = await tinyServer(t)
    const generator = await generatorOf(t, origin, 1)
    const mix = { tier: 'fast' as const, budgetsMs: [10, 20, 30] }
    for (let i = 0; i < 12; i++) await generator.send(mix)
    return seen.map(({ body, budget }) => [body, budget])
  }
  assert.deepEqual(await sent(), await sent())
})
