/** Which of the requests that wait would be late if one more came. Pure. */
import { queueWaitMs } from './queue-wait.js'

export interface WaitingWork<Owner> {
  readonly owner: Owner
  readonly deadlineMs: number
  /** the answer is useless after the deadline */
  readonly strict?: boolean
  /** engine time, ms */
  readonly costMs: number
}

/**
 * Everything runs by earliest deadline.
 * @param waiting earliest deadline first
 * @param busyMs for each engine, ms until it is free
 * @param newcomer before others of the same deadline
 * @returns requests that would be answered after their deadline, each counted once, the newcomer not
 */
export function waitingLate<Owner>(
  waiting: readonly WaitingWork<Owner>[],
  busyMs: readonly number[],
  newcomer: { readonly costMs: number; readonly deadlineMs: number },
  nowMs: number,
): number {
  const late = new Set<Owner>()
  let aheadMs = 0
  let isCounted = false
  for (const { owner, deadlineMs, strict, costMs } of waiting) {
    if (!isCounted && newcomer.deadlineMs <= deadlineMs) {
      isCounted = true
      aheadMs += newcomer.costMs
    }
    if (strict && nowMs + queueWaitMs(busyMs, aheadMs) + costMs > deadlineMs) late.add(owner)
    aheadMs += costMs
  }
  return late.size
}

/**
 * What a run on other engines does to those that wait here, and that run, by slowing them down.
 * @param waiting earliest deadline first
 * @param busyMs for each engine, ms until it is free
 * @param stretch how many times as long everything takes, at least 1
 * @returns requests that would be answered after their deadline and would not be otherwise
 */
export function lateWhenStretched<Owner>(
  waiting: readonly WaitingWork<Owner>[],
  busyMs: readonly number[],
  stretch: number,
  nowMs: number,
): number {
  if (waiting.length === 0) return 0
  const nobody = { costMs: 0, deadlineMs: Number.POSITIVE_INFINITY }
  const stretched = waiting.map((work) => ({ ...work, costMs: stretch * work.costMs }))
  const busyStretchedMs = busyMs.map((ms) => stretch * ms)
  return waitingLate(stretched, busyStretchedMs, nobody, nowMs) - waitingLate(waiting, busyMs, nobody, nowMs)
}
