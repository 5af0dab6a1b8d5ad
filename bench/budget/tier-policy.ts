/** Ways to choose a tier: lextier's own, and the fixed ones that it is compared with. Pure. */
import type { TierName } from '../../src/family/family-schema.js'
import type { RequestedTier } from '../../src/serving/types.js'

export interface TierPolicy {
  readonly name: string
  /** @param draw on [0, 1), independent of the budget */
  choose(draw: number, budgetMs: number): RequestedTier
}

export const ROUTED: TierPolicy = { name: 'routed', choose: () => 'auto' }

/**
 * Requests are shared out by chance, whatever their budgets. Level 0 is always the quickest tier, 1 always the most
 * accurate; in between, two neighbouring tiers share the requests, so that the mean accuracy rank is the level.
 * @param tiers most accurate first
 * @param level on [0, 1]
 */
export function staticSplit(tiers: readonly TierName[], level: number): TierPolicy {
  const rank = level * (tiers.length - 1)
  const below = Math.min(Math.floor(rank), tiers.length - 2)
  const [upper, lower] =
    tiers.length === 1 ? [tiers[0]!, tiers[0]!] : [tiers[tiers.length - 2 - below]!, tiers[tiers.length - 1 - below]!]
  const name = level === 0 ? `always ${tiers.at(-1)}` : level === 1 ? `always ${tiers[0]}` : `split ${level}`
  return { name, choose: (draw) => (draw < rank - below ? upper : lower) }
}

/**
 * What a careful user would write down once: the most accurate tier whose idle latency fits the budget, whatever the load.
 * @param idle tiers with the p90 of their idle latency, most accurate first
 */
export function budgetTable(idle: readonly { readonly tier: TierName; readonly p90Ms: number }[]): TierPolicy {
  const quickest = idle.at(-1)!.tier
  return {
    name: 'table by budget',
    choose: (_, budgetMs) => idle.find(({ p90Ms }) => p90Ms <= budgetMs)?.tier ?? quickest,
  }
}

/** @returns 1 for the most accurate tier, 0 for the quickest, even steps between */
export function accuracyRank(tiers: readonly TierName[], tier: TierName): number {
  return tiers.length === 1 ? 1 : 1 - tiers.indexOf(tier) / (tiers.length - 1)
}
