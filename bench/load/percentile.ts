/**
 * Nearest-rank percentile: the smallest value that at least a share `p` of all values does not exceed. It is always one of
 * the values, so that a p99 of few requests is a request that really happened.
 * @param sorted ascending
 * @param p on (0, 1]
 * @returns NaN where there is no value
 */
export function percentile(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return Number.NaN
  // 0.07 * 100 is a little above 7 in floating point, and its rank is 7
  const rank = Math.ceil(p * sorted.length - 1e-9)
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1]!
}

/** Of durations, ms; null where there was none. */
export interface DurationPercentiles {
  readonly p50Ms: number | null
  readonly p90Ms: number | null
  readonly p99Ms: number | null
  readonly maxMs: number | null
}

/** @param durationsMs in any order */
export function durationPercentiles(durationsMs: readonly number[]): DurationPercentiles {
  const sorted = Float64Array.from(durationsMs).sort()
  const at = (p: number) => (sorted.length === 0 ? null : percentile(sorted, p))
  return { p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: at(1) }
}
