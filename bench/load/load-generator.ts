/** What sends requests and sees what becomes of them: in this thread, or in several (generator-threads.ts). */
import type { RequestedTier } from '../../src/serving/types.js'
import type { Random } from '../../training/random.js'
import { dealTexts } from '../workload/workload.js'
import { type ClosedLoopRun, runClosedLoop } from './closed-loop.js'
import type { Observation } from './observation.js'
import { runOpenLoop } from './open-loop.js'
import type { PredictClient } from './predict-client.js'

/** Requests that are all drawn alike: the next body, and a budget. */
export interface RequestMix {
  readonly tier: RequestedTier
  /** ms, of which each request draws one; empty: none */
  readonly budgetsMs: readonly number[]
}

/** One request of a plan. */
export interface PlannedRequest {
  /** index among the generator's bodies */
  readonly body: number
  readonly tier: RequestedTier
  readonly budgetMs: number
}

export interface ClosedLoad extends RequestMix {
  /** each sends its next request when its last is answered */
  readonly connections: number
  readonly durationMs: number
}

export interface OpenLoad {
  /** from the start, ascending */
  readonly arrivalsMs: readonly number[]
  /** of all arrivals, or one of each */
  readonly requests: RequestMix | readonly PlannedRequest[]
  /** see runOpenLoop */
  readonly poll: boolean
}

/** Times of what is seen are readings of `performance.now()` of the thread that asks. */
export interface LoadGenerator {
  /** one request, from this thread whatever else there is. @param intendedMs default: now */
  send(mix: RequestMix, intendedMs?: number): Promise<Observation>
  /** @returns once every request has ended */
  closedLoop(load: ClosedLoad): Promise<ClosedLoopRun<Observation>>
  /** @returns what was seen of each arrival, in the order of the schedule, once all have ended */
  openLoop(load: OpenLoad): Promise<Observation[]>
  close(): Promise<void>
}

export interface LocalGenerator extends LoadGenerator {
  /** @param startMs a reading of this thread's `performance.now()`; default: now */
  closedLoop(load: ClosedLoad, startMs?: number): Promise<ClosedLoopRun<Observation>>
  openLoop(load: OpenLoad, startMs?: number): Promise<Observation[]>
}

/**
 * @param bodies JSON of requests, dealt in shuffled rounds
 * @param random of budgets; its fork decides the order of bodies
 */
export function localGenerator(client: PredictClient, bodies: readonly Buffer[], random: Random): LocalGenerator {
  const nextBody = dealTexts(bodies, random.fork('texts'))
  const send = ({ tier, budgetsMs }: RequestMix, intendedMs?: number) => {
    const budgetMs = budgetsMs.length === 0 ? undefined : budgetsMs[random.integer(budgetsMs.length)]
    return client.predict({ body: nextBody(), tier, budgetMs, ...(intendedMs !== undefined && { intendedMs }) })
  }
  return {
    send,
    closedLoop: (load, startMs) => runClosedLoop({ ...load, send: () => send(load), startMs }),
    openLoop: ({ arrivalsMs, requests, poll }, startMs) =>
      runOpenLoop({
        arrivalsMs,
        poll,
        startMs,
        send(index, intendedMs) {
          if (!isPlan(requests)) return send(requests, intendedMs)
          const { body, tier, budgetMs } = requests[index]!
          return client.predict({ body: bodies[body]!, tier, budgetMs, intendedMs })
        },
      }),
    close: () => Promise.resolve(client.close()),
  }
}

export function isPlan(requests: OpenLoad['requests']): requests is readonly PlannedRequest[] {
  return Array.isArray(requests)
}
