/**
 * Asking a cheap tier first and a more accurate one only where the answer is not sure enough. Pure policy.
 * @see Viola & Jones 2001 for cascades; the confidence here is the calibrated probability of the likeliest label
 */
import type { TierName } from '../family/family-schema.js'
import type { TierForecast } from './tier-router.js'
import type { Prediction, RoutingReason } from './types.js'

/** A request is as sure as the least sure of its texts: all of them get their answers from one tier. */
export function leastConfidence(predictions: readonly Prediction[]): number {
  return predictions.reduce((least, { probability }) => Math.min(least, probability), 1)
}

/**
 * The next more accurate tier that is predicted to answer within what is left of the budget.
 * @param tiers most accurate first
 * @param forecast ms from the request's arrival to that tier's answer
 * @returns the tiers weighed, nearest in accuracy first; the last one is chosen if it fits, none if the list is empty
 */
export function escalate(
  from: TierName,
  tiers: readonly TierName[],
  budgetMs: number | undefined,
  forecast: (tier: TierName) => number,
): { readonly chosen: TierForecast | undefined; readonly considered: readonly TierForecast[] } {
  const considered: TierForecast[] = []
  for (const tier of tiers.slice(0, Math.max(0, tiers.indexOf(from))).reverse()) {
    const weighed = { tier, predictedMs: forecast(tier) }
    considered.push(weighed)
    if (budgetMs === undefined || weighed.predictedMs <= budgetMs) return { chosen: weighed, considered }
  }
  return { chosen: undefined, considered }
}

/** Why the tier that answered last is the one that did. @param first why the first tier was asked */
export function cascadeReason(first: RoutingReason, escalations: number, sure: boolean): RoutingReason {
  if (escalations > 0) return 'escalated'
  return sure && first !== 'budget_infeasible_fastest' ? 'confident' : first
}
