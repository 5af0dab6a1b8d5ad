/** Sends the soak's turns over connections that stay open. */
import { request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPostClient } from '../load/post-client.js'
import type { SoakAnswers } from './soak-answers.js'
import type { SoakRequest, SoakTurn } from './soak-turn.js'

export interface SoakClient {
  /** resolves when all that the turn sent has ended; never rejects */
  send(turn: SoakTurn): Promise<void>
  close(): void
}

/** @param timeoutMs after which a request counts as lost */
export function createSoakClient(origin: string, timeoutMs: number, answers: SoakAnswers): SoakClient {
  const url = new URL('/v1/predict', origin)
  const client = createPostClient(url, timeoutMs)
  const lone = async (request: SoakRequest) => {
    const outcome = await client.post(bodyOf(request), {})
    answers.add(request, 'errorCode' in outcome ? outcome : { body: parsed(outcome.body.toString('utf8')) })
  }
  const stream = async (requests: readonly SoakRequest[]) => {
    const body = Buffer.concat(requests.flatMap((request) => [bodyOf(request), Buffer.from('\n')]))
    const outcome = await client.post(body, { 'content-type': 'application/x-ndjson' })
    const lines = 'errorCode' in outcome ? [] : outcome.body.toString('utf8').split('\n')
    requests.forEach((request, i) => {
      if ('errorCode' in outcome) answers.add(request, outcome)
      else answers.add(request, lines[i] ? { body: parsed(lines[i]) } : { errorCode: 'LINE_LOST' })
    })
  }
  return {
    async send(turn) {
      if (turn.kind === 'request') await lone(turn.request)
      else if (turn.kind === 'stream') await stream(turn.requests)
      else await abandoned(url, bodyOf(turn.request), turn.afterMs)
    },
    close: () => client.close(),
  }
}

function bodyOf({ family, tier, texts, budgetMs }: SoakRequest): Buffer {
  return Buffer.from(
    JSON.stringify({ family, tier, texts, ...(budgetMs !== undefined && { latency_budget_ms: budgetMs }) }),
  )
}

/** @returns what is no JSON as a body with a code of its own */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { code: 'NOT_JSON' }
  }
}

async function abandoned(url: URL, body: Buffer, afterMs: number): Promise<void> {
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  const outgoing = httpRequest(url, { method: 'POST', agent: false, headers })
  outgoing.on('error', () => {})
  outgoing.on('response', (response) => response.on('error', () => {}).resume())
  outgoing.end(body)
  await sleep(afterMs)
  outgoing.destroy()
}
