/** POST /v1/predict over connections that stay open, timed. */
import type { RequestedTier } from '../../src/serving/types.js'
import type { Answer, Observation } from './observation.js'
import { createPostClient, type PostOutcome } from './post-client.js'

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
  const client = createPostClient(new URL('/v1/predict', origin), timeoutMs)
  return {
    async predict({ body, tier, budgetMs, intendedMs }) {
      const sentMs = performance.now()
      const outcome = await client.post(body, {
        'x-family': family,
        'x-tier': tier,
        ...(budgetMs !== undefined && { 'x-latency-budget-ms': budgetMs }),
      })
      const endedMs = performance.now()
      return { intendedMs: intendedMs ?? sentMs, sentMs, endedMs, budgetMs, outcome: answerOf(outcome) }
    },
    close: () => client.close(),
  }
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

function answerOf(outcome: PostOutcome): Observation['outcome'] {
  if ('errorCode' in outcome) return outcome
  const { statusCode, body } = outcome
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
    texts: predictions.length,
    tokens: predictions.reduce((sum, { tokens }) => sum + tokens, 0),
  }
}
