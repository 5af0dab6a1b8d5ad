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

/**
 * @param sequences that wait, the one asked about included, and that are expected at once
 * @returns how the next batch runs, or is expected to where no process is free
 */
export function nextWidth(pairs: readonly PairState[], sequences: number): RunWidth {
  const free = pairs.filter(canRunWide).length
  if (sequences <= free) return 'wide'
  // rather wide than with half of the threads idle because a process is down
  return free > 0 && !pairs.some(hasFreeHalf) ? 'wide' : 'narrow'
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
