/**
 * From a request whose texts are tokens to its answer: route by predicted completion, schedule, average windows,
 * calibrate; and, where the caller wants to be surer than the first tier is, the same again with a more accurate one.
 */
import { CallerSignal } from '../caller-signal.js'
import { isLextierError, NotReady } from '../errors.js'
import type { TierName } from '../family/family-schema.js'
import { softmax } from '../family/softmax.js'
import { averageLogits } from '../tokenizer/windows.js'
import { BATCH_SHAPE } from './batch-planner.js'
import { predictionOf } from './calibrated-prediction.js'
import { cascadeReason, escalate, leastConfidence } from './cascade.js'
import type { Lane, Lanes } from './lanes.js'
import { answeredInTime, lastMomentMs } from './last-moment.js'
import type { PreparedText } from './long-text.js'
import { once } from './once.js'
import { NO_DEADLINE_HORIZON_MS } from './queued-work.js'
import { requestDeadlineMs } from './request-deadline.js'
import { forecastRequest, type RequestForecast } from './request-forecast.js'
import { passOver, runsPacked, type ServedFamily, type ServedTier } from './served-family.js'
import type { ScheduledResult } from './ticket.js'
import { fallBackTier, routeTier, type TierForecast } from './tier-router.js'
import type { ClassifyRequest, ClassifyResult, Prediction, Routing } from './types.js'

export interface PreparedRequest {
  readonly request: ClassifyRequest
  readonly family: ServedFamily
  readonly budgetMs: number | undefined
  readonly prepared: readonly PreparedText[]
  /** of all texts, in order, special tokens included */
  readonly sequences: readonly Int32Array[]
  readonly tokenizeMs: number
  /** false where its time says nothing of later requests */
  readonly learn: boolean
}

/** One tier's answer. */
interface TierAnswer {
  readonly tier: TierName
  readonly predictions: readonly Prediction[]
  readonly scheduled: ScheduledResult
  readonly predictedMs: number
}

/** For what is filled in where it applies: a literal of spread parts takes V8 many times as long. */
type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A request's way to its answer; what else is weighed on it is added. */
interface Planned {
  readonly route: TierForecast
  readonly fallBack: TierName | undefined
  readonly considered: TierForecast[]
}

type Forecasts = (tier: TierName) => RequestForecast

export class Answering {
  readonly #lanes: Lanes
  readonly #toleratedLate: number

  /** @param toleratedLate other requests that a more accurate tier may make late, expected */
  constructor(lanes: Lanes, toleratedLate: number) {
    this.#lanes = lanes
    this.#toleratedLate = toleratedLate
  }

  /** @throws BudgetInfeasible, Overloaded, DeadlineExceeded, RequestAborted, NotReady, EngineFailed */
  async answer(asked: PreparedRequest): Promise<ClassifyResult> {
    const { request, family, budgetMs } = asked
    const { minConfidence } = request
    const cascades = request.tier === 'auto' && minConfidence !== undefined
    const routedMs = performance.now()
    const forecasts = this.#forecasts(asked, routedMs)
    const tiers = this.#tiersWithRoom(family)
    const route = routeTier({
      requestedTier: request.tier,
      budgetMs,
      onBudgetMiss: request.onBudgetMiss,
      tiers,
      cheapestFirst: cascades,
      forecast: (tier) => forecasts(tier).predictedMs,
      expectedLate: this.#lateness(asked, forecasts, routedMs),
      toleratedLate: this.#toleratedLate,
    })
    const considered = [...route.considered]
    if (request.tier === 'auto' && !cascades) {
      for (const { tier } of considered) if (tier !== route.tier) passOver(family.tier(tier)!, routedMs)
    }
    const fallBack = fallBackTier(route.tier, { requestedTier: request.tier, tiers })
    const answers = [await this.#answerInTime(asked, { route, fallBack, considered }, forecasts, routedMs)]
    const reason = answers[0]!.tier === route.tier ? route.reason : 'fell_back'
    const sure = () => leastConfidence(answers.at(-1)!.predictions) >= minConfidence!
    while (cascades && !sure()) {
      const surer = await this.#escalated(asked, answers.at(-1)!.tier, considered)
      if (!surer) break
      answers.push(surer)
    }
    const last = answers.at(-1)!
    const escalations = answers.length - 1
    const actualMs = performance.now() - request.arrivalMs
    const routing: Mutable<Routing> = {
      requestedTier: request.tier,
      predictedMs: last.predictedMs,
      actualMs,
      reason: cascades ? cascadeReason(reason, escalations, sure()) : reason,
      considered,
    }
    if (budgetMs !== undefined) {
      routing.budgetMs = budgetMs
      routing.budgetMet = actualMs <= budgetMs
    }
    if (cascades) routing.escalations = escalations
    return {
      family: family.name,
      version: family.family.version,
      tier: last.tier,
      provider: family.tier(last.tier)!.provider!,
      predictions: last.predictions,
      routing,
      stages: {
        tokenizeMs: asked.tokenizeMs,
        queueMs: sumOf(answers, ({ scheduled }) => scheduled.queueMs),
        inferenceMs: sumOf(answers, ({ scheduled }) => scheduled.inferenceMs),
      },
    }
  }

  /** A full queue is no reason to refuse what another tier has room for; where none has, submitting says so. */
  #tiersWithRoom(family: ServedFamily): TierName[] {
    const tiers = this.#lanes.tiersIn(family)
    if (tiers.length === 0) throw new NotReady('no inference engine can be kept running; /health/ready says why')
    const open = tiers.filter((tier) => this.#hasRoom(family, tier))
    return open.length > 0 ? open : tiers
  }

  /** @returns undefined when no more accurate tier fits the budget, or when it failed: there is an answer already */
  async #escalated(
    asked: PreparedRequest,
    from: TierName,
    considered: TierForecast[],
  ): Promise<TierAnswer | undefined> {
    const { family, budgetMs, request } = asked
    const nowMs = performance.now()
    const forecasts = this.#forecasts(asked, nowMs)
    const tiers = family.tiers.map(({ tier }) => tier)
    const next = escalate(
      from,
      tiers.filter((tier) => tier === from || this.#hasRoom(family, tier)),
      budgetMs,
      (tier) => forecasts(tier).predictedMs,
    )
    considered.push(...next.considered)
    if (!next.chosen) return undefined
    try {
      return await this.#answerOn(asked, next.chosen, forecasts, nowMs)
    } catch (error) {
      if (isLextierError(error) && !request.signal?.aborted) return undefined
      throw error
    }
  }

  /** Where the tier chosen is about to be too late, the cheapest one may not be. */
  async #answerInTime(
    asked: PreparedRequest,
    { route, fallBack, considered }: Planned,
    forecasts: Forecasts,
    routedMs: number,
  ): Promise<TierAnswer> {
    const { request, budgetMs } = asked
    if (fallBack === undefined || budgetMs === undefined) return this.#answerOn(asked, route, forecasts, routedMs)
    const signal = new CallerSignal()
    const leave = () => signal.abort()
    request.signal?.addEventListener('abort', leave, { once: true })
    const leftMs = lastMomentMs(budgetMs, routedMs - request.arrivalMs, {
      predictedMs: route.predictedMs,
      otherMs: forecasts(fallBack).predictedMs,
    })
    let timer: NodeJS.Timeout | undefined
    const lastMoment = new Promise((resolve) => {
      if (leftMs >= 1) timer = setTimeout(resolve, leftMs)
    })
    const begin = () => {
      const nowMs = performance.now()
      const later = this.#forecasts(asked, nowMs)
      const weighed = { tier: fallBack, predictedMs: later(fallBack).predictedMs }
      considered.push(weighed)
      return this.#answerOn({ ...asked, request: { ...request, signal } }, weighed, later, nowMs)
    }
    try {
      const first = this.#answerOn(asked, route, forecasts, routedMs, true)
      return await answeredInTime(first, { lastMoment, begin, leave })
    } finally {
      clearTimeout(timer)
      request.signal?.removeEventListener('abort', leave)
    }
  }

  /** @param hasFallBack another tier answers where this one's turn does not come in time */
  async #answerOn(
    { request, family, budgetMs, prepared, sequences, learn }: PreparedRequest,
    { tier: name, predictedMs }: TierForecast,
    forecasts: Forecasts,
    routedMs: number,
    hasFallBack = false,
  ): Promise<TierAnswer> {
    const { estimate, idleMs } = forecasts(name)
    const tier = family.tier(name)!
    const work = {
      key: { family: family.name, tier: name },
      cheapest: request.tier === 'auto' ? (this.#lanes.tiersIn(family).at(-1) ?? name) : name,
      sequences,
      arrivalMs: request.arrivalMs,
      deadlineMs: requestDeadlineMs(request.arrivalMs, budgetMs, idleMs),
      budgetMs,
      signal: request.signal,
      hasFallBack,
    }
    const { scheduler } = this.#lanes.of(work.key)
    const scheduled = await scheduler.submit(work).catch((error) => Promise.reject(namedFailure(error, family)))
    const predictions = predictionsOf(family, tier, prepared, scheduled, request.abstainBelow)
    const elapsedMs = routedMs - request.arrivalMs
    tier.neglect.answered()
    if (learn) tier.completion.observe(estimate, predictedMs - elapsedMs, performance.now() - routedMs)
    return { tier: name, predictions, scheduled, predictedMs }
  }

  /** @returns the requests that would be late if that tier answered, expected: this one, and others */
  #lateness(
    { family, request: { arrivalMs }, budgetMs, sequences }: PreparedRequest,
    forecasts: Forecasts,
    nowMs: number,
  ) {
    const lengths = sequences.map(({ length }) => length)
    const deadlineMs = arrivalMs + (budgetMs ?? NO_DEADLINE_HORIZON_MS)
    const possible = { family: family.name, lengths, deadlineMs }
    const latenessIn = once((lane: Lane) => lane.scheduler.lateness(possible, nowMs))
    return (tier: TierName) => {
      const lane = this.#lanes.of({ family: family.name, tier })
      return latenessIn(lane)(tier) + (budgetMs === undefined ? 0 : forecasts(tier).lateBeyond(budgetMs))
    }
  }

  #hasRoom({ name }: ServedFamily, tier: TierName): boolean {
    const key = { family: name, tier }
    return this.#lanes.hasRoom(key)
  }

  /** The engines of a lane are shared, so the wait is the same for all its tiers and is worked out once. */
  #forecasts({ family, request: { arrivalMs }, budgetMs, sequences }: PreparedRequest, nowMs: number): Forecasts {
    const lengths = sequences.map(({ length }) => length)
    const deadlineMs = arrivalMs + (budgetMs ?? NO_DEADLINE_HORIZON_MS)
    const waitOf = once((lane: Lane) => lane.scheduler.expectedWaitMs(deadlineMs, nowMs))
    return once((name: TierName): RequestForecast => {
      const lane = this.#lanes.of({ family: family.name, tier: name })
      const asked = { lengths, elapsedMs: nowMs - arrivalMs, waitMs: waitOf(lane) }
      const served = family.tier(name)!
      return forecastRequest(
        asked,
        {
          latency: lane.scheduler.runTimes({ family: family.name, tier: name }, lengths.length, nowMs),
          completion: served.completion,
        },
        {
          bounds: {
            maxRows: BATCH_SHAPE.maxRows,
            maxTokens: lane.engines.maxBatchTokens({ family: family.name, tier: name }),
            packed: runsPacked(served),
          },
          engines: lane.engines.serving,
        },
      )
    })
  }
}

function predictionsOf(
  family: ServedFamily,
  { temperature }: ServedTier,
  prepared: readonly PreparedText[],
  { logits }: ScheduledResult,
  abstainBelow: number | undefined,
): Prediction[] {
  let at = 0
  return prepared.map((text) => {
    const rows = logits.slice(at, at + text.windows.length)
    at += text.windows.length
    const probabilities = softmax(averageLogits(rows, text.windows), temperature)
    return predictionOf(probabilities, family.labels, text, abstainBelow)
  })
}

/** An engine that came back without a tier refuses the work that waited for it: the reason is the tier's, not the engine's. */
function namedFailure(error: unknown, family: ServedFamily): unknown {
  const { code } = error as { code?: string }
  return code === 'ENGINE_FAILED' && !family.ready ? new NotReady(family.reasons()[0]!) : error
}

function sumOf<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((sum, item) => sum + amount(item), 0)
}
