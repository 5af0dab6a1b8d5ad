import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client'
import type { ClassifyResult, ServingObserver } from '../serving/types.js'
import { createInstruments, type Instruments } from './instruments.js'

/** What HTTP reports of itself. */
export interface HttpMetrics {
  /** one finished exchange; the route is its pattern, or `unknown` */
  answered(route: string, status: number, durationSeconds: number): void
  /** a prediction request refused before the classifier saw it; the reason is an error code */
  rejected(reason: string): void
}

export interface Metrics {
  readonly http: HttpMetrics
  readonly observer: ServingObserver
  /** this version of the family is no longer served */
  familyRetired(family: string, version: string): Promise<void>
  /** Prometheus text exposition */
  exposition(): Promise<string>
  /** what the exposition is made of, for `mergedExposition` */
  snapshot(): Promise<MetricsSnapshot>
  readonly contentType: string
}

/** Plain data that crosses between processes. */
export type MetricsSnapshot = readonly object[]

/** @returns what a process that has ended leaves to the sum: what it counted stays counted, what it measured of itself is gone */
export function countsOf(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const counts = snapshots.map((snapshot) =>
    (snapshot as { type: string }[]).filter(({ type }) => type === 'counter' || type === 'histogram'),
  )
  return AggregatorRegistry.aggregate(counts).getMetricsAsJSON()
}

/** @returns the text exposition of a server of several processes: counts add up */
export function mergedExposition(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate(snapshots as object[][]).metrics()
}

// label values come from closed sets: a code that is not listed counts as INTERNAL
const REASONS = new Set([
  'INVALID_REQUEST',
  'UNAUTHORIZED',
  'RATE_LIMITED',
  'FAMILY_NOT_FOUND',
  'TIER_NOT_FOUND',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'BUDGET_INFEASIBLE',
  'OVERLOADED',
  'DEADLINE_EXCEEDED',
  'NOT_READY',
  'DRAINING',
  'REQUEST_ABORTED',
  'ENGINE_FAILED',
])

/**
 * The metrics of one server, in a registry of its own.
 * @param processMetrics whether to add the process defaults (CPU, memory, event loop); they hold timers until the process
 *   ends
 */
export function createMetrics({ processMetrics }: { processMetrics: boolean }): Metrics {
  const registry = new Registry()
  if (processMetrics) collectDefaultMetrics({ register: registry })
  const instruments = createInstruments(registry)
  const rejected = (reason: string) => instruments.rejected.inc({ reason: REASONS.has(reason) ? reason : 'INTERNAL' })
  return {
    http: {
      answered(route, status, durationSeconds) {
        instruments.requests.inc({ route, status: String(status) })
        instruments.requestDuration.observe({ route }, durationSeconds)
      },
      rejected,
    },
    observer: {
      answered: (result) => observeAnswer(instruments, result),
      rejected,
      batch({ tier, size, tokens }) {
        instruments.batchSize.observe({ tier }, size)
        instruments.batchTokens.observe({ tier }, tokens)
      },
      queueDepth: (tier, depth) => instruments.queueDepth.set({ tier }, depth),
      engineRestarted: () => instruments.engineRestarts.inc(),
      familyReady: (labels) => instruments.familyInfo.set(labels, 1),
    },
    async familyRetired(family, version) {
      const { values } = await instruments.familyInfo.get()
      for (const { labels } of values) {
        if (labels.family === family && labels.version === version) instruments.familyInfo.remove(labels)
      }
    },
    exposition: () => registry.metrics(),
    snapshot: () => registry.getMetricsAsJSON(),
    contentType: registry.contentType,
  }
}

function observeAnswer(instruments: Instruments, { family, tier, predictions, routing, stages }: ClassifyResult): void {
  for (const { label, probability } of predictions) {
    instruments.predictions.inc({ family, tier, label })
    instruments.confidence.observe({ family, tier }, probability)
  }
  instruments.tierSelected.inc({ family, tier, reason: routing.reason })
  if (routing.budgetMet !== undefined) instruments.budget.inc({ family, tier, met: String(routing.budgetMet) })
  if (routing.predictedMs > 0) instruments.predictionRatio.observe({ tier }, routing.actualMs / routing.predictedMs)
  instruments.stageDuration.observe({ stage: 'tokenize', tier }, stages.tokenizeMs / 1000)
  instruments.stageDuration.observe({ stage: 'queue', tier }, stages.queueMs / 1000)
  instruments.stageDuration.observe({ stage: 'inference', tier }, stages.inferenceMs / 1000)
}
