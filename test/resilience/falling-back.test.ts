import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { address, poll, type Running } from '../cli/lextier-process.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { enginePid, serve } from './server.js'

/** One server, whose engine for the more accurate tiers is held up as other programs on its CPUs would. */
let folder: string
let server: Running
let url: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-falling-back-'))
  await writeTinyFamily(join(folder, 'models', 'tiny'))
  const folders = ['--models', join(folder, 'models'), '--cache', join(folder, 'cache')]
  server = serve([...folders, '--provider', 'cpu', '--lanes', '2'])
  url = await address(server)
  await poll(`${url}/health/ready`, ({ status }) => status === 200)
})
after(async () => {
  server.child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

interface Answer {
  readonly tier?: string
  readonly code?: string
  readonly routing?: { readonly reason: string; readonly budget_met: boolean }
}

async function predict(body: object): Promise<Answer> {
  const response = await fetch(`${url}/v1/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'the court held that the statute was void', ...body }),
  })
  return (await response.json()) as Answer
}

test('a text whose tier begins and does not end is answered by the cheapest tier within the budget, and those behind it too', async () => {
  assert.equal((await predict({ latency_budget_ms: 5_000 })).tier, 'teacher')
  const held = enginePid(server, 'background')
  process.kill(held, 'SIGSTOP')
  try {
    const answers = [await predict({ latency_budget_ms: 1_500 })]
    answers.push(...(await Promise.all(Array.from({ length: 5 }, () => predict({ latency_budget_ms: 1_500 })))))
    for (const { tier, routing } of answers) {
      assert.equal(tier, 'fast')
      assert.equal(routing?.budget_met, true)
    }
    assert.equal(answers[0]!.routing!.reason, 'fell_back')
  } finally {
    process.kill(held, 'SIGCONT')
  }
})

test('a tier that was named is not exchanged for another', async () => {
  const held = enginePid(server, 'background')
  process.kill(held, 'SIGSTOP')
  try {
    // what the engine runs, and what it has been given to run next
    const late = [predict({ tier: 'teacher' }), predict({ tier: 'teacher' })]
    await delay(200)
    assert.equal((await predict({ tier: 'teacher', latency_budget_ms: 300 })).code, 'DEADLINE_EXCEEDED')
    process.kill(held, 'SIGCONT')
    for (const { tier } of await Promise.all(late)) assert.equal(tier, 'teacher')
  } finally {
    process.kill(held, 'SIGCONT')
  }
})
