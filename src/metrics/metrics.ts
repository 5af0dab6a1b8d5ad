import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client'
import type { TierName } from '../family/family-schema.js'
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

/** @returns the text exposition of a server of several processes: counts add up, and it began when the first of them did */
export function mergedExposition(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  const merged = snapshots.map((snapshot) =>
    (snapshot as { name: string }[]).map((metric) =>
      metric.name === START_TIME ? { ...metric, aggregator: 'min' } : metric,
    ),
  )
  return AggregatorRegistry.aggregate(merged).metrics()
}

/** Left out by prom-client, which knows no sum of it; Prometheus tells a restart by it. */
const START_TIME = 'process_start_time_seconds'

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
  /** told three times a request, asked for once a scrape */
  const depths = new Map<TierName, number>()
  const readDepths = () => {
    for (const [tier, depth] of depths) instruments.queueDepth.set({ tier }, depth)
  }
  const rejected = (reason: string) => instruments.rejected.of(REASONS.has(reason) ? reason : 'INTERNAL').inc()
  return {
    http: {
      answered(route, status, durationSeconds) {
        instruments.requests.of(route, String(status)).inc()
        instruments.requestDuration.of(route).observe(durationSeconds)
      },
      rejected,
    },
    observer: {
      answered: (result) => observeAnswer(instruments, result),
      rejected,
      batch({ tier, size, tokens }) {
        instruments.batchSize.of(tier).observe(size)
        instruments.batchTokens.of(tier).observe(tokens)
      },
      queueDepth: (tier, depth) => depths.set(tier, depth),
      engineRestarted: () => instruments.engineRestarts.inc(),
      familyReady: (labels) => instruments.familyInfo.set(labels, 1),
    },
    async familyRetired(family, version) {
      const { values } = await instruments.familyInfo.get()
      for (const { labels } of values) {
        if (labels.family === family && labels.version === version) instruments.familyInfo.remove(labels)
      }
    },
    exposition() {
      readDepths()
      return registry.metrics()
    },
    snapshot() {
      readDepths()
      return registry.getMetricsAsJSON()
    },
    contentType: registry.contentType,
  }
}

function observeAnswer(instruments: Instruments, { family, tier, predictions, routing, stages }: ClassifyResult): void {
  for (const { label, probability } of predictions) {
    instruments.predictions.of(family, tier, label).inc()
    instruments.confidence.of(family, tier).observe(probability)
  }
  instruments.tierSelected.of(family, tier, routing.reason).inc()
  if (routing.budgetMet !== undefined) instruments.budget.of(family, tier, String(routing.budgetMet)).inc()
  if (routing.predictedMs > 0) instruments.predictionRatio.of(tier).observe(routing.actualMs / routing.predictedMs)
  instruments.stageDuration.of('tokenize', tier).observe(stages.tokenizeMs / 1000)
  instruments.stageDuration.of('queue', tier).observe(stages.queueMs / 1000)
  instruments.stageDuration.of('inference', tier).observe(stages.inferenceMs / 1000)
}
