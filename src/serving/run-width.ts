/**
 * With how many of an engine's threads a batch runs. An engine of several threads answers a lone text soonest with all of them, yet two
 * texts at once, each on half of the threads, are done sooner than one after the other: threads of one run wait for each other. So each
 * such engine is a pair of processes: the first runs batches on all threads (wide) or on half of them (narrow), the second on the other
 * half. Pure policy.
 */

/** `wide`: all threads of a pair; `narrow`: half of them, beside another such run */
export type RunWidth = 'wide' | 'narrow'

export const REQUESTED_PAIRS = ['auto', 'off'] as const
/** `auto`: engines of several threads on CPUs have a second process each */
export type RequestedPairs = (typeof REQUESTED_PAIRS)[number]

/** What one process of a pair does; `down` when it does not serve. */
export type ProcessState = 'down' | 'idle' | RunWidth

/** The process that can run wide, and the other one. */
export interface PairState {
  readonly first: ProcessState
  readonly second: ProcessState
}

/** @param threads of an engine @returns those of a narrow run */
export function narrowThreads(threads: number): number {
  return Math.max(1, Math.floor(threads / 2))
}

/** What tells whether texts are better run two at once. */
export interface Crowd {
  /** that wait, the one asked about included */
  readonly sequences: number
  /** whether another is to be expected at once: what had to wait for an engine is rarely the last */
  readonly expectsMore: boolean
  /** only a wide run is predicted to meet the deadline of the one asked about; default: not */
  readonly isUrgent?: boolean
  /** work that comes in a ms, in ms of wide runs */
  readonly load: number
  /** how many times as long a text takes narrow as it takes wide */
  readonly stretch: number
}

/** @returns how the next batch runs, or is expected to where no process is free */
export function nextWidth(pairs: readonly PairState[], crowd: Crowd): RunWidth {
  const free = pairs.filter(canRunWide).length
  const isAlone = crowd.sequences + (crowd.expectsMore ? 1 : 0) <= free
  const isNarrowBetter = !isAlone && !crowd.isUrgent && narrowPays(crowd, pairs.length)
  if (free === 0) return isNarrowBetter || pairs.some(hasFreeHalf) ? 'narrow' : 'wide'
  // rather wide than with half of the threads idle because a process is down
  return isNarrowBetter && pairs.some(hasFreeHalf) ? 'narrow' : 'wide'
}

/** Squared coefficient of variation of a run's time: texts differ in length. */
const RUN_VARIATION = 0.3
/** A long text that ran narrow may miss what it would have met, so the mean has to be clearly shorter. */
const CLEARLY = 1.15
/** The times of narrow runs may be those of a machine that was busier, and only narrow runs tell new ones. */
const MOST_STRETCH = 1.9

/**
 * Two narrow runs at once answer 2 / stretch times as many texts, and each of them later: it pays for many that wait, and where so many
 * come that they would wait for each other longer than that.
 */
function narrowPays(crowd: Crowd, pairs: number): boolean {
  const each = crowd.sequences / pairs
  const load = crowd.load / pairs
  const stretch = Math.min(crowd.stretch, MOST_STRETCH)
  // those that wait, answered one after the other or two by two: the mean of 1 to n runs, and of as many times two narrow ones
  if (stretch * (each + 2) < 2 * (each + 1)) return true
  const narrowLoad = (stretch * load) / 2
  if (narrowLoad >= 1 || load >= 1) return stretch < 2
  return CLEARLY * stretch * timeInQueue(narrowLoad, 2 * pairs) < timeInQueue(load, pairs)
}

/**
 * From arrival to answer, in runs, with so many servers and Poisson arrivals, mean.
 * @see Sakasegawa, An approximation formula L_q ≃ α ρ^β / (1 - ρ), 1977
 */
function timeInQueue(load: number, servers: number): number {
  const wait = load ** (Math.sqrt(2 * (servers + 1)) - 1) / (servers * (1 - load))
  return 1 + ((1 + RUN_VARIATION) / 2) * wait
}

/** All of its threads are free. */
export function canRunWide({ first, second }: PairState): boolean {
  return first === 'idle' && (second === 'idle' || second === 'down')
}

/** A narrow run would leave no threads idle that a second one could not have. */
function hasFreeHalf({ first, second }: PairState): boolean {
  if (first === 'wide') return false
  return second === 'idle' || (first === 'idle' && second === 'narrow')
}
