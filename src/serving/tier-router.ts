/**
 * Which tier answers a request: the most accurate one that is predicted to meet the budget and leaves others theirs. Pure policy.
 * - A named tier is never exchanged for another.
 * - Without a budget the most accurate tier answers.
 * - A tier whose run would make too many requests late, this one or others, is passed over for a cheaper one, where the caller
 *   leaves the choice to the router and gave a budget.
 * - Where the caller would rather escalate than start with the best, the cheapest tier is weighed first.
 * - Where the turn of the tier chosen does not come in time, the cheapest one answers.
 * - When no tier is predicted to meet the budget, the one predicted to be fastest answers, or the request is refused when
 *   the caller asked for that.
 */
import { BudgetInfeasible } from '../errors.js'
import type { TierName } from '../family/family-schema.js'
import type { RequestedTier, RoutingReason } from './types.js'

/** A tier's predicted time from the request's arrival to its answer. */
export interface TierForecast {
  readonly tier: TierName
  readonly predictedMs: number
}

export interface RoutingQuestion {
  readonly requestedTier: RequestedTier
  /** from arrival to answer; undefined: none */
  readonly budgetMs: number | undefined
  readonly onBudgetMiss: 'fastest' | 'reject'
  /** the family's tiers, most accurate first; a named tier must be among them */
  readonly tiers: readonly TierName[]
  /** weigh the least accurate tier first: a more accurate one follows where its answer is not sure enough */
  readonly cheapestFirst?: boolean
  /** asked only for the tiers that are weighed */
  forecast(tier: TierName): number
  /** requests that would be late if that tier answered, expected, this one included; default: none */
  readonly expectedLate?: (tier: TierName) => number
  /** how many more of them than the cheapest tier a more accurate one may cost; default: no matter how many */
  readonly toleratedLate?: number
}

export interface Route extends TierForecast {
  readonly reason: RoutingReason
  /** in the order weighed */
  readonly considered: readonly TierForecast[]
}

/** @throws BudgetInfeasible when no tier weighed meets the budget and `onBudgetMiss` is `reject` */
export function routeTier(question: RoutingQuestion): Route {
  const { requestedTier, budgetMs, onBudgetMiss, cheapestFirst } = question
  const tiers = cheapestFirst ? question.tiers.toReversed() : question.tiers
  const candidates = requestedTier === 'auto' ? tiers : [requestedTier]
  const considered: TierForecast[] = []
  const isHarmful = harmRule(question)
  let first: TierForecast | undefined
  let chosen: TierForecast | undefined
  for (const tier of candidates) {
    const forecast = { tier, predictedMs: question.forecast(tier) }
    considered.push(forecast)
    if (budgetMs !== undefined && forecast.predictedMs > budgetMs) continue
    first ??= forecast
    chosen = forecast
    if (!isHarmful(tier)) break
  }
  if (chosen) {
    return routeTo(chosen, chosen === first ? reasonWhenFeasible(question) : 'protects_others', considered)
  }
  const fastest = considered.reduce((best, forecast) => (forecast.predictedMs < best.predictedMs ? forecast : best))
  if (onBudgetMiss === 'reject') throw new BudgetInfeasible(budgetMs!, roundMs(fastest.predictedMs))
  return routeTo(fastest, requestedTier === 'auto' ? 'budget_infeasible_fastest' : 'requested', considered)
}

/**
 * What a tier takes, a cheaper one can still do when that tier's turn has not come.
 * @param tiers those that could answer, most accurate first
 * @returns the tier that then answers; undefined where a tier was named, or the cheapest is the one that was too late
 */
export function fallBackTier(
  chosen: TierName,
  { requestedTier, tiers }: Pick<RoutingQuestion, 'requestedTier' | 'tiers'>,
): TierName | undefined {
  const cheapest = tiers.at(-1)
  return requestedTier === 'auto' && cheapest !== chosen ? cheapest : undefined
}

function routeTo(
  { tier, predictedMs }: TierForecast,
  reason: Route['reason'],
  considered: readonly TierForecast[],
): Route {
  return { tier, predictedMs, reason, considered }
}

/** Against the cheapest tier, which does least to others. */
function harmRule({ requestedTier, budgetMs, tiers, cheapestFirst, expectedLate, toleratedLate }: RoutingQuestion) {
  const cheapest = tiers.at(-1)!
  const applies = requestedTier === 'auto' && budgetMs !== undefined && !cheapestFirst
  if (!applies || !expectedLate || toleratedLate === undefined) return () => false
  let least: number | undefined
  return (tier: TierName) => {
    if (tier === cheapest) return false
    least ??= expectedLate(cheapest)
    return expectedLate(tier) - least > toleratedLate
  }
}

function reasonWhenFeasible({ requestedTier, budgetMs }: RoutingQuestion): RoutingReason {
  if (requestedTier !== 'auto') return 'requested'
  return budgetMs === undefined ? 'no_budget' : 'most_accurate_within_budget'
}

function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10
}
