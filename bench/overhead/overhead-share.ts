/** How much of the bare runtime's throughput the served path keeps. Pure. */

export interface OverheadRound {
  readonly servedTokensPerSecond: number
  readonly rawTokensPerSecond: number
  /** null where the system does not tell CPU time */
  readonly servedTokensPerCpuSecond: number | null
  readonly rawTokensPerCpuSecond: number
  /** CPUs that the load generator kept busy, on average, while serving was measured */
  readonly generatorCpus: number
}

export interface CpuBudget {
  /** that the benches' processes may use */
  readonly available: number
  /** engines times threads: what the raw processes use */
  readonly ofEngines: number
}

export interface OverheadShare {
  /** served over raw tokens a second, as they are */
  readonly plain: number
  /** the same, raw scaled down to the CPUs that the load generator left to the engines */
  readonly ofCpusLeft: number
  /** tokens for each second of CPU time, served over raw; null where CPU time is not told */
  readonly perCpuSecond: number | null
}

/**
 * In production the load comes from other machines; here it takes CPU from the engines. Where the engines' threads fill the
 * machine, raw would lose the same share to a neighbour as busy, so that raw is scaled by what was left.
 */
export function overheadShare(round: OverheadRound, { available, ofEngines }: CpuBudget): OverheadShare {
  const plain = round.servedTokensPerSecond / round.rawTokensPerSecond
  const left = Math.min(ofEngines, Math.max(0, available - round.generatorCpus))
  return {
    plain,
    ofCpusLeft: plain / (left / ofEngines),
    perCpuSecond:
      round.servedTokensPerCpuSecond === null ? null : round.servedTokensPerCpuSecond / round.rawTokensPerCpuSecond,
  }
}

/** @returns the middle one, or the lower of the two in the middle: a round that happened */
export function medianRound<T>(rounds: readonly T[], key: (round: T) => number): T {
  const sorted = rounds.toSorted((a, b) => key(a) - key(b))
  return sorted[Math.floor((sorted.length - 1) / 2)]!
}
