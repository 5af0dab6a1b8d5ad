/** POST /v1/predict over connections that stay open, timed. A new connection is opened whenever none is free. */
import { Agent, type IncomingMessage, request } from 'node:http'
import type { RequestedTier } from '../../src/serving/types.js'
import type { Answer, Observation } from './observation.js'

export interface PredictCall {
  /** the JSON body, serialised beforehand: the generator's CPU is taken from the server's on a small machine */
  readonly body: Buffer
  readonly tier: RequestedTier
  readonly budgetMs?: number | undefined
  /** default: now */
  readonly intendedMs?: number
}

export interface PredictClient {
  /** never rejects: an error is an outcome */
  predict(call: PredictCall): Promise<Observation>
  close(): void
}

/** @param timeoutMs from the send; the request is then abandoned */
export function createPredictClient(origin: string, family: string, timeoutMs: number): PredictClient {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 4_096, scheduling: 'lifo' })
  const url = new URL('/v1/predict', origin)

  const exchange = ({ body, tier, budgetMs }: PredictCall) =>
    new Promise<Observation['outcome']>((resolve) => {
      const outgoing = request(url, {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
          'x-family': family,
          'x-tier': tier,
          ...(budgetMs !== undefined && { 'x-latency-budget-ms': budgetMs }),
        },
      })
      const abandon = setTimeout(() => outgoing.destroy(new TimedOut()), timeoutMs)
      const settle = (outcome: Observation['outcome']) => {
        clearTimeout(abandon)
        resolve(outcome)
      }
      const failed = (error: NodeJS.ErrnoException) => settle({ errorCode: error.code ?? error.name })
      outgoing.on('error', failed)
      outgoing.on('response', (response) => {
        response.on('error', failed)
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => settle(outcomeOf(response, Buffer.concat(chunks))))
      })
      outgoing.end(body)
    })

  return {
    async predict(call) {
      const sentMs = performance.now()
      const outcome = await exchange(call)
      const { intendedMs = sentMs, budgetMs } = call
      return { intendedMs, sentMs, endedMs: performance.now(), budgetMs, outcome }
    },
    close: () => agent.destroy(),
  }
}

class TimedOut extends Error {
  readonly code = 'CLIENT_TIMEOUT'
}

interface AnswerBody {
  readonly tier: Answer['tier']
  readonly predictions: readonly { readonly tokens: number }[]
  readonly routing: {
    readonly reason: Answer['reason']
    readonly predicted_ms: number
    readonly actual_ms: number
    readonly budget_met: boolean | null
  }
}

function outcomeOf({ statusCode }: IncomingMessage, body: Buffer): Observation['outcome'] {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    return { errorCode: `HTTP_${statusCode}` }
  }
  if (statusCode !== 200) return { errorCode: (parsed as { code?: string }).code ?? `HTTP_${statusCode}` }
  const { tier, predictions, routing } = parsed as AnswerBody
  return {
    tier,
    reason: routing.reason,
    predictedMs: routing.predicted_ms,
    actualMs: routing.actual_ms,
    budgetMet: routing.budget_met ?? undefined,
    tokens: predictions.reduce((sum, { tokens }) => sum + tokens, 0),
  }
}
