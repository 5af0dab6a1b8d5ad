/**
 * Which tier answers a request: the most accurate one that is predicted to meet the budget. Pure policy.
 * - A named tier is never exchanged for another.
 * - Without a budget the most accurate tier answers.
 * - Where the caller would rather escalate than start with the best, the cheapest tier is weighed first.
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
  for (const tier of candidates) {
    const forecast = { tier, predictedMs: question.forecast(tier) }
    considered.push(forecast)
    if (budgetMs === undefined || forecast.predictedMs <= budgetMs) {
      return { ...forecast, reason: reasonWhenFeasible(question), considered }
    }
  }
  const fastest = considered.reduce((best, forecast) => (forecast.predictedMs < best.predictedMs ? forecast : best))
  if (onBudgetMiss === 'reject') throw new BudgetInfeasible(budgetMs!, roundMs(fastest.predictedMs))
  return { ...fastest, reason: requestedTier === 'auto' ? 'budget_infeasible_fastest' : 'requested', considered }
}

function reasonWhenFeasible({ requestedTier, budgetMs }: RoutingQuestion): RoutingReason {
  if (requestedTier !== 'auto') return 'requested'
  return budgetMs === undefined ? 'no_budget' : 'most_accurate_within_budget'
}

function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10
}
