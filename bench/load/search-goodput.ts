/** The highest open-loop rate at which a server still keeps a latency limit. */
import { durationPercentiles } from './percentile.js'

/** One request of an open loop, whoever answered it. */
export interface TimedRequest {
  readonly intendedMs: number
  readonly sentMs: number
  readonly endedMs: number
  readonly outcome: object | { readonly errorCode: string }
}

export interface Trial {
  readonly ratePerSecond: number
  readonly requests: number
  readonly errors: number
  readonly p50Ms: number | null
  /** of the answered */
  readonly p99Ms: number | null
  /** of all, the load generator's own lateness, which the others include */
  readonly sendLagP99Ms: number | null
  /** answers within the limit, a second */
  readonly goodPerSecond: number
  /** no error, and the p99 of all within the limit */
  readonly kept: boolean
}

/** @param durationMs over which the requests were intended */
export function trialOf(
  requests: readonly TimedRequest[],
  ratePerSecond: number,
  durationMs: number,
  limitMs: number,
): Trial {
  const answered = requests.filter(({ outcome }) => !('errorCode' in outcome))
  const times = answered.map(({ intendedMs, endedMs }) => endedMs - intendedMs)
  const { p50Ms, p99Ms } = durationPercentiles(times)
  const errors = requests.length - answered.length
  return {
    ratePerSecond,
    requests: requests.length,
    errors,
    p50Ms,
    p99Ms,
    sendLagP99Ms: durationPercentiles(requests.map(({ intendedMs, sentMs }) => sentMs - intendedMs)).p99Ms,
    goodPerSecond: times.filter((ms) => ms <= limitMs).length / (durationMs / 1_000),
    kept: errors === 0 && p99Ms !== null && p99Ms <= limitMs,
  }
}

/**
 * Bisection between nothing and a little above the closed-loop capacity. One trial of a rate decides, so that the figure is
 * as sure as a trial is long.
 * @param measure runs an open loop at a rate
 * @param trials how many rates are tried
 * @returns the trials in the order run, and the kept one with the highest rate; null when none was kept
 */
export async function searchGoodput(
  measure: (ratePerSecond: number) => Promise<Trial>,
  capacityPerSecond: number,
  trials: number,
): Promise<{ best: Trial | null; trials: readonly Trial[] }> {
  const done: Trial[] = []
  let low = 0
  let high = ABOVE_CAPACITY * capacityPerSecond
  for (let i = 0; i < trials; i++) {
    const trial = await measure((low + high) / 2)
    done.push(trial)
    if (trial.kept) low = trial.ratePerSecond
    else high = trial.ratePerSecond
  }
  const kept = done.filter((trial) => trial.kept).sort((a, b) => b.ratePerSecond - a.ratePerSecond)
  return { best: kept[0] ?? null, trials: done }
}

/** A closed loop may have found too little; nothing can be kept far above it. */
const ABOVE_CAPACITY = 1.2
