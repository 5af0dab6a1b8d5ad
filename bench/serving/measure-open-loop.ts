/** What users get: Poisson arrivals at a share of the capacity, each request timed from when it should have been sent. */

import { type LoadSummary, summariseLoad } from '../load/load-summary.js'
import { poissonArrivals } from '../load/poisson-arrivals.js'
import type { BenchContext } from './bench-context.js'
import { type CpuSpent, watchCpu } from './cpu-spent.js'

export interface OpenLoopResult extends LoadSummary {
  /** of the capacity under mixed budgets */
  readonly loadShare: number
  readonly offeredPerSecond: number
  readonly cpu: CpuSpent
}

export interface OpenLoopLoad {
  readonly loadShare: number
  readonly ratePerSecond: number
  readonly durationMs: number
  readonly budgetsMs: readonly number[]
  readonly poll: boolean
}

export async function measureOpenLoop(context: BenchContext, load: OpenLoopLoad): Promise<OpenLoopResult> {
  const { loadShare, ratePerSecond, durationMs, budgetsMs, poll } = load
  const arrivalsMs = poissonArrivals(ratePerSecond, durationMs, context.random)
  const cpuSpent = watchCpu(context.server.pid)
  const observations = await context.load.openLoop({ arrivalsMs, requests: { tier: 'auto', budgetsMs }, poll })
  return { loadShare, offeredPerSecond: ratePerSecond, ...summariseLoad(observations), cpu: cpuSpent() }
}
