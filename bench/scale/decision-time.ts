/**
 * What choosing a tier costs the API's thread: the wait ahead, the forecast of every tier, whom each would make late, the choice.
 * In this process, with two lanes, as a CPU has them.
 */
import type { TierName } from '../../src/family/family-schema.js'
import { BATCH_SHAPE } from '../../src/serving/batch-planner.js'
import { DEFAULT_TOLERATED_LATE } from '../../src/serving/blocking.js'
import { CompletionModel } from '../../src/serving/completion-model.js'
import { LatencyModel } from '../../src/serving/latency-model.js'
import { forecastRequest, type RequestForecast } from '../../src/serving/request-forecast.js'
import { Scheduler, type SchedulerOptions } from '../../src/serving/scheduler.js'
import { routeTier } from '../../src/serving/tier-router.js'
import { createRandom, type Random } from '../../training/random.js'
import { percentile } from '../load/percentile.js'
import { sampleCaseLengths } from '../workload/case-lengths.js'

export interface DecisionTime {
  /** requests in the queues while it was decided */
  readonly waiting: number
  readonly count: number
  readonly meanUs: number
  readonly p50Us: number
  readonly p99Us: number
}

export interface DecisionOptions {
  /** most accurate first */
  readonly tiers: readonly TierName[]
  readonly waiting: number
  readonly durationMs: number
}

const SEED = 1
const FAMILY = 'family'
const BUDGETS_MS = [10, 25, 50, 100, 250]
const MAX_TOKENS = 512
const ENGINES = 2
/** Batches observed by each model beforehand: its windows are full, as on a server that has run for a while. */
const OBSERVATIONS = 2_000
/** Decisions timed together, since a clock's reading costs about as much as a small decision. */
const GROUP = 16

/** Every decision gets a text length and a budget of its own. */
export function measureDecisions({ tiers, waiting, durationMs }: DecisionOptions): DecisionTime {
  const random = createRandom(SEED).fork('decisions')
  const models = new Map(tiers.map((tier, index) => [tier, learntModels(2 ** (tiers.length - index), random)]))
  const latency = (tier: TierName) => models.get(tier)!.latency
  const express: Scheduler = busyScheduler(latency, { slowedBy: () => background })
  const background: Scheduler = busyScheduler(latency, { givesWayTo: () => express })
  const laneOf = (tier: TierName) => (tier === tiers.at(-1) ? express : background)
  const lengths = sampleCaseLengths(1_024, random).map((tokens) => Math.min(MAX_TOKENS, tokens + 2))
  for (let i = 0; i < waiting; i++)
    submit(laneOf, tiers[i % tiers.length]!, lengths[i % lengths.length]!, 2 * BUDGETS_MS[i % BUDGETS_MS.length]!)
  const capacity = { bounds: { ...BATCH_SHAPE, maxTokens: MAX_TOKENS }, engines: ENGINES }
  const decide = (index: number) => {
    const budgetMs = BUDGETS_MS[index % BUDGETS_MS.length]!
    const possible = { family: FAMILY, lengths: [lengths[index % lengths.length]!], deadlineMs: budgetMs }
    const waitsMs = new Map([express, background].map((lane) => [lane, lane.expectedWaitMs(budgetMs, 0)]))
    const lateness = new Map([express, background].map((lane) => [lane, lane.lateness(possible, 0)]))
    const known = new Map<TierName, RequestForecast>()
    const forecast = (tier: TierName) => {
      const forecasted = known.get(tier)
      if (forecasted) return forecasted
      const lane = laneOf(tier)
      const { lengths } = possible
      const times = {
        latency: lane.runTimes({ family: FAMILY, tier }, lengths.length, 0),
        completion: models.get(tier)!.completion,
      }
      const worked = forecastRequest({ lengths, elapsedMs: 1, waitMs: waitsMs.get(lane)! }, times, capacity)
      known.set(tier, worked)
      return worked
    }
    return routeTier({
      requestedTier: 'auto',
      budgetMs,
      onBudgetMiss: 'fastest',
      tiers: tiers.filter((tier) => laneOf(tier).hasRoom({ family: FAMILY, tier })),
      forecast: (tier) => forecast(tier).predictedMs,
      expectedLate: (tier) => lateness.get(laneOf(tier))!(tier) + forecast(tier).lateBeyond(budgetMs),
      toleratedLate: DEFAULT_TOLERATED_LATE,
    })
  }
  const groupsUs: number[] = []
  // half the time is for the compiler
  const startMs = performance.now()
  for (let index = 0; performance.now() < startMs + durationMs; index += GROUP) {
    const groupMs = performance.now()
    for (let i = 0; i < GROUP; i++) decide(index + i)
    if (groupMs > startMs + durationMs / 2) groupsUs.push((1_000 * (performance.now() - groupMs)) / GROUP)
  }
  for (const lane of [express, background]) lane.failAll(new Error('measured'))
  const sorted = Float64Array.from(groupsUs).sort()
  return {
    waiting,
    count: GROUP * sorted.length,
    meanUs: sorted.reduce((sum, us) => sum + us, 0) / sorted.length,
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
  }
}

function learntModels(msPer128Tokens: number, random: Random) {
  const at = (tokens: number, rows: number) => 1 + (msPer128Tokens * tokens * rows) / 128
  const shapes = [1, 2, 4].flatMap((rows) => [32, 64, 128, 256, 512].map((tokens) => ({ rows, tokens })))
  const latency = new LatencyModel(shapes.map(({ rows, tokens }) => ({ rows, tokens, ms: at(tokens, rows) })))
  const completion = new CompletionModel()
  for (let i = 0; i < OBSERVATIONS; i++) {
    const tokens = 32 + random.integer(MAX_TOKENS - 32)
    const actualMs = at(tokens, 1) * (0.9 + 0.3 * random.next())
    latency.observe(tokens, 1, actualMs)
    const estimate = { waitMs: random.integer(2) * actualMs, inferenceMs: actualMs }
    completion.observe(estimate, completion.predict(estimate), (estimate.waitMs + actualMs) * (1 + 0.1 * random.next()))
  }
  return { latency, completion }
}

/** Its engines never become free, so that what was submitted waits. */
function busyScheduler(latency: (tier: TierName) => LatencyModel, lanes: Partial<SchedulerOptions>): Scheduler {
  return new Scheduler({
    ...lanes,
    runner: {
      idle: () => 0,
      serving: ENGINES,
      busyMs: () => Array.from({ length: ENGINES }, (_, engine) => 3 + engine),
      run: () => new Promise(() => {}),
    },
    latencyModel: ({ tier }) => latency(tier),
    maxBatchTokens: () => MAX_TOKENS,
    maxQueue: 1_000,
    maxQueueTotal: 10_000,
    maxQueueTokens: 10_000_000,
    observer: { batch() {}, queueDepth() {} },
    now: () => 0,
  })
}

function submit(laneOf: (tier: TierName) => Scheduler, tier: TierName, tokens: number, budgetMs: number): void {
  const work = {
    key: { family: FAMILY, tier },
    sequences: [new Int32Array(tokens)],
    arrivalMs: 0,
    deadlineMs: budgetMs,
    budgetMs,
    signal: undefined,
  }
  laneOf(tier)
    .submit(work)
    .catch(() => {}) // failed on purpose when everything is measured
}
