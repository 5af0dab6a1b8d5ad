/** What a policy made of a load: budgets met, and how accurate the tiers were that answered. Pure. */
import type { TierName } from '../../src/family/family-schema.js'
import { isAnswered, isPromise, type Observation } from '../load/observation.js'
import { accuracyRank } from './tier-policy.js'

export interface BudgetedRequest {
  readonly observation: Observation
  readonly feasible: boolean
}

export interface PolicyOutcome {
  readonly requests: number
  readonly feasible: number
  /** of the feasible requests, the share answered within the budget on the client's clock; errors are misses */
  readonly attainment: number
  /** of all requests */
  readonly attainmentOfAll: number
  /** of answers that the server had said it could give in time, its word; null where it promised none */
  readonly promisesKept: number | null
  /** of answers: 1 for the most accurate tier, 0 for the quickest; null where nothing was answered */
  readonly meanRank: number | null
  /** of answers: accuracy of their tiers as measured when the family was made; null where nothing was answered */
  readonly meanAccuracy: number | null
  readonly tiers: Readonly<Record<string, number>>
  /** answers by routing reason */
  readonly reasons: Readonly<Record<string, number>>
  readonly errors: Readonly<Record<string, number>>
}

/** @param tiers most accurate first */
export function policyOutcome(
  requests: readonly BudgetedRequest[],
  tiers: readonly { readonly tier: TierName; readonly accuracy: number }[],
): PolicyOutcome {
  const names = tiers.map(({ tier }) => tier)
  const met = ({ observation }: BudgetedRequest) =>
    isAnswered(observation) && observation.endedMs - observation.intendedMs <= observation.budgetMs!
  const feasible = requests.filter((request) => request.feasible)
  const answers = requests.map(({ observation }) => observation).filter(isAnswered)
  const promised = answers.filter(({ outcome }) => isPromise(outcome))
  const tierCounts: Record<string, number> = {}
  const reasons: Record<string, number> = {}
  const errors: Record<string, number> = {}
  for (const { outcome } of requests.map(({ observation }) => observation)) {
    if ('errorCode' in outcome) errors[outcome.errorCode] = (errors[outcome.errorCode] ?? 0) + 1
    else {
      tierCounts[outcome.tier] = (tierCounts[outcome.tier] ?? 0) + 1
      reasons[outcome.reason] = (reasons[outcome.reason] ?? 0) + 1
    }
  }
  const meanOf = (value: (tier: TierName) => number) =>
    answers.length === 0 ? null : answers.reduce((sum, { outcome }) => sum + value(outcome.tier), 0) / answers.length
  return {
    requests: requests.length,
    feasible: feasible.length,
    attainment: feasible.filter(met).length / Math.max(1, feasible.length),
    attainmentOfAll: requests.filter(met).length / Math.max(1, requests.length),
    promisesKept:
      promised.length === 0
        ? null
        : promised.filter(({ outcome }) => outcome.budgetMet === true).length / promised.length,
    meanRank: meanOf((tier) => accuracyRank(names, tier)),
    meanAccuracy: meanOf((tier) => tiers.find((one) => one.tier === tier)!.accuracy),
    tiers: tierCounts,
    reasons,
    errors,
  }
}

/** A static split of which the level is known, and what it attained. */
export interface SplitPoint {
  /** on [0, 1]: its mean accuracy rank */
  readonly level: number
  readonly attainment: number
  readonly meanAccuracy: number | null
}

export interface EqualSplit {
  readonly level: number
  readonly meanAccuracy: number
}

/**
 * The most accurate static split that still attains as much, between the measured ones linearly.
 * @returns null when even the least accurate split measured attains less
 */
export function splitAtEqualAttainment(points: readonly SplitPoint[], attainment: number): EqualSplit | null {
  const sorted = points.filter((point) => point.meanAccuracy !== null).toSorted((a, b) => a.level - b.level)
  let best: EqualSplit | null = null
  for (const [index, point] of sorted.entries()) {
    const meanAccuracy = point.meanAccuracy!
    if (point.attainment >= attainment) best = { level: point.level, meanAccuracy }
    else if (index > 0 && sorted[index - 1]!.attainment >= attainment) {
      const before = sorted[index - 1]!
      const share = (before.attainment - attainment) / (before.attainment - point.attainment)
      best = {
        level: before.level + share * (point.level - before.level),
        meanAccuracy: before.meanAccuracy! + share * (meanAccuracy - before.meanAccuracy!),
      }
    }
  }
  return best
}
