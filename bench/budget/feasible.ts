/** Could any tier have answered this request in time, had it been alone? From idle latencies, not from the server's word. */
import { percentile } from '../load/percentile.js'

/** One request on an idle server. */
export interface IdleSample {
  /** of the text */
  readonly tokens: number
  readonly ms: number
}

/** Samples of about this length that are looked at. */
const NEIGHBOURS = 15
/** A request that only the luckiest of its kind would make is not feasible. */
const QUANTILE = 0.9

/**
 * @param samples of the quickest tier, at least one
 * @returns whether 90% of the idle requests of about that length were answered within the budget; a longer text is never
 *   feasible where a shorter one is not
 */
export function feasibility(samples: readonly IdleSample[]): (tokens: number, budgetMs: number) => boolean {
  const sorted = samples.toSorted((a, b) => a.tokens - b.tokens)
  let levelMs = 0
  const idleMs = sorted.map((_, index) => {
    const from = Math.max(0, Math.min(index - Math.floor(NEIGHBOURS / 2), sorted.length - NEIGHBOURS))
    const near = sorted.slice(from, from + NEIGHBOURS).map(({ ms }) => ms)
    levelMs = Math.max(levelMs, percentile(Float64Array.from(near).sort(), QUANTILE))
    return levelMs
  })
  return (tokens, budgetMs) => {
    const next = sorted.findIndex((sample) => sample.tokens >= tokens)
    const longest = sorted.at(-1)!
    // beyond the longest sample, time grows at least in proportion
    const needed = next >= 0 ? idleMs[next]! : (idleMs.at(-1)! * tokens) / Math.max(1, longest.tokens)
    return needed <= budgetMs
  }
}
