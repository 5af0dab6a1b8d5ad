/** From the classifier's result to the JSON and the headers that a caller gets. */
import type { ClassifyResult, StageDurations } from '../../serving/types.js'
import type { PredictAnswer } from './predict-schema.js'

export function predictAnswer({
  family,
  version,
  tier,
  provider,
  predictions,
  routing,
}: ClassifyResult): PredictAnswer {
  return {
    family,
    version,
    tier,
    provider,
    predictions: predictions.map((prediction) => ({
      label: prediction.label,
      probability: prediction.probability,
      probabilities: prediction.probabilities,
      tokens: prediction.tokens,
      tokens_used: prediction.tokensUsed,
      windows: prediction.windows,
      truncated: prediction.truncated,
      abstained: prediction.abstained,
    })),
    routing: {
      requested_tier: routing.requestedTier,
      budget_ms: routing.budgetMs ?? null,
      predicted_ms: microsecondPrecision(routing.predictedMs),
      actual_ms: microsecondPrecision(routing.actualMs),
      budget_met: routing.budgetMet ?? null,
      reason: routing.reason,
      ...(routing.escalations !== undefined && { escalations: routing.escalations }),
      considered: routing.considered.map(({ tier, predictedMs }) => ({
        tier,
        predicted_ms: microsecondPrecision(predictedMs),
      })),
    },
  }
}

export function predictHeaders({ tier, family, routing, stages }: ClassifyResult): Record<string, string> {
  return {
    'x-tier': tier,
    'x-family': family,
    'x-predicted-latency-ms': String(microsecondPrecision(routing.predictedMs)),
    'server-timing': serverTiming(stages),
  }
}

/** @returns the value of `Server-Timing`: each stage with its duration in milliseconds */
export function serverTiming({ tokenizeMs, queueMs, inferenceMs }: StageDurations): string {
  const ms = microsecondPrecision
  return `tokenize;dur=${ms(tokenizeMs)}, queue;dur=${ms(queueMs)}, inference;dur=${ms(inferenceMs)}`
}

function microsecondPrecision(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
