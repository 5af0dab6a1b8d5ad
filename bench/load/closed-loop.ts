/**
 * A closed loop: a fixed number of connections, each sending its next request when the last is answered. It finds the
 * highest throughput, since the server always has that many requests; its latencies say nothing about users' (open-loop.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises'

/** A refusal comes back at once; without a pause, refused connections would only burn the machine that is measured. */
const PAUSE_AFTER_ERROR_MS = 20

/** What a loop needs to know of what was sent. */
export interface Sent {
  readonly outcome: object | { readonly errorCode: string }
}

export interface ClosedLoopOptions<T extends Sent> {
  readonly connections: number
  readonly durationMs: number
  readonly send: () => Promise<T>
  /** when to begin, a reading of `performance.now()`; default: now */
  readonly startMs?: number | undefined
}

export interface ClosedLoopRun<T> {
  readonly observations: readonly T[]
  /** readings of `performance.now()`: no request was sent before or after */
  readonly startMs: number
  readonly endMs: number
}

/** @returns once every request has ended; at least one a connection */
export async function runClosedLoop<T extends Sent>({
  connections,
  durationMs,
  send,
  startMs = performance.now(),
}: ClosedLoopOptions<T>): Promise<ClosedLoopRun<T>> {
  const endMs = startMs + durationMs
  const observations: T[] = []
  const connection = async () => {
    do {
      const observation = await send()
      observations.push(observation)
      if ('errorCode' in observation.outcome) await sleep(PAUSE_AFTER_ERROR_MS)
    } while (performance.now() < endMs)
  }
  const aheadMs = startMs - performance.now()
  // timers drop fractions
  if (aheadMs > 0) await sleep(Math.ceil(aheadMs))
  await Promise.all(Array.from({ length: connections }, connection))
  return { observations, startMs, endMs }
}
