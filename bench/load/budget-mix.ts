import type { TierName } from '../../src/family/family-schema.js'

/** What one request of a tier takes on an idle server. */
export interface IdleLatency {
  readonly tier: TierName
  readonly p90Ms: number
}

/**
 * Latency budgets that mean the same on a slow machine and on a fast one: half as much again as what each tier needs when
 * nothing else runs (its p90), so that each is the right answer to one of them, then 3 and 10 times what the most accurate
 * one needs, so that some callers can wait. Requests draw one with equal chances.
 * @param idle the tiers, most accurate first, at least one
 * @returns ms, ascending, each once, in tenths
 */
export function budgetMix(idle: readonly IdleLatency[]): number[] {
  const slowestMs = idle[0]!.p90Ms
  const budgetsMs = [...idle.map(({ p90Ms }) => 1.5 * p90Ms), 3 * slowestMs, 10 * slowestMs]
  const accepted = budgetsMs.map((ms) => Math.min(60_000, Math.max(0.1, Math.round(ms * 10) / 10)))
  return [...new Set(accepted)].sort((a, b) => a - b)
}
