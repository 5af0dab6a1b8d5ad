/**
 * An open loop: requests leave when the schedule says, however slow the answers are, as independent users do. Closed-loop
 * tools (wrk, autocannon, ab) wait for an answer before they send again; a stall then stops the load that would have
 * suffered from it, and the tail never shows ("coordinated omission").
 */
import { setTimeout as sleep, setImmediate as yieldToIo } from 'node:timers/promises'

export interface OpenLoopOptions<T> {
  /** from the start, ascending */
  readonly arrivalsMs: readonly number[]
  /** must settle with what was seen whatever happens; `intendedMs` is a reading of `performance.now()` */
  readonly send: (index: number, intendedMs: number) => Promise<T>
  /**
   * Polls through the last millisecond before a send, which timers cannot resolve. It takes a whole CPU where gaps are
   * short, so that it is only for machines that have one to spare; elsewhere a request leaves up to 1 ms late, which
   * counts as its latency.
   */
  readonly poll: boolean
  /** what arrivals count from, a reading of `performance.now()`; default: now */
  readonly startMs?: number | undefined
}

/** @returns what was seen of each arrival, in the order of the schedule, once all have ended */
export async function runOpenLoop<T>({
  arrivalsMs,
  send,
  poll,
  startMs = performance.now(),
}: OpenLoopOptions<T>): Promise<T[]> {
  const pending: Promise<T>[] = []
  while (pending.length < arrivalsMs.length) {
    const dueMs = startMs + arrivalsMs[pending.length]!
    const aheadMs = dueMs - performance.now()
    if (aheadMs <= 0) pending.push(send(pending.length, dueMs))
    else if (aheadMs >= 1) await sleep(Math.floor(aheadMs))
    else if (poll) await yieldToIo()
    else await sleep(1)
  }
  return Promise.all(pending)
}
