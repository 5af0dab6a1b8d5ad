/**
 * A closed loop: a fixed number of connections, each sending its next request when the last is answered. It finds the
 * highest throughput, since the server always has that many requests; its latencies say nothing about users' (open-loop.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isAnswered, type Observation } from './observation.js'

/** A refusal comes back at once; without a pause, refused connections would only burn the machine that is measured. */
const PAUSE_AFTER_ERROR_MS = 20

export interface ClosedLoopOptions {
  readonly connections: number
  readonly durationMs: number
  readonly send: () => Promise<Observation>
}

export interface ClosedLoopRun {
  readonly observations: readonly Observation[]
  /** readings of `performance.now()`: no request was sent before or after */
  readonly startMs: number
  readonly endMs: number
}

/** @returns once every request has ended; at least one a connection */
export async function runClosedLoop({ connections, durationMs, send }: ClosedLoopOptions): Promise<ClosedLoopRun> {
  const startMs = performance.now()
  const endMs = startMs + durationMs
  const observations: Observation[] = []
  const connection = async () => {
    do {
      const observation = await send()
      observations.push(observation)
      if (!isAnswered(observation)) await sleep(PAUSE_AFTER_ERROR_MS)
    } while (performance.now() < endMs)
  }
  await Promise.all(Array.from({ length: connections }, connection))
  return { observations, startMs, endMs }
}
