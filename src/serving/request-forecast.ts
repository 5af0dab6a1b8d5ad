/** What a request would take on one tier, as things look when it is routed. Pure. */
import type { CompletionEstimate, CompletionModel } from './completion-model.js'
import type { RunTimes } from './latency-model.js'
import { type BatchBounds, requestInferenceMs } from './request-cost.js'

export interface RoutedRequest {
  /** tokens of each sequence */
  readonly lengths: readonly number[]
  /** from arrival to now */
  readonly elapsedMs: number
  /** until its work would start */
  readonly waitMs: number
}

export interface EngineCapacity {
  readonly bounds: BatchBounds
  readonly engines: number
}

export interface RequestForecast {
  /** what the completion model learns from when the answer is there */
  readonly estimate: CompletionEstimate
  /** ms from arrival to answer that the promise holds for */
  readonly predictedMs: number
  /** the same with nothing ahead */
  readonly idleMs: number
  /** @returns how likely the answer is to come later than so many ms after the request's arrival */
  lateBeyond(budgetMs: number): number
}

export function forecastRequest(
  { lengths, elapsedMs, waitMs }: RoutedRequest,
  { latency, completion }: { readonly latency: RunTimes; readonly completion: CompletionModel },
  { bounds, engines }: EngineCapacity,
): RequestForecast {
  const inferenceMs = requestInferenceMs(lengths, latency, bounds, Math.max(1, engines))
  const estimate = { waitMs, inferenceMs }
  return {
    estimate,
    predictedMs: elapsedMs + completion.predict(estimate),
    idleMs: elapsedMs + completion.predictIdle(inferenceMs),
    lateBeyond: (budgetMs) => completion.shareBeyond(estimate, budgetMs - elapsedMs),
  }
}
