/** The highest throughput of a tier, or of all tiers under mixed budgets, and what an idle server takes for one request. */
import { NotReady } from '../../src/errors.js'
import type { RequestedTier } from '../../src/serving/types.js'
import { completionRate } from '../load/completion-rate.js'
import { startLiveProbe } from '../load/live-probe.js'
import { type LoadSummary, summariseLoad } from '../load/load-summary.js'
import { completionsOf } from '../load/observation.js'
import type { DurationPercentiles } from '../load/percentile.js'
import type { BenchContext } from './bench-context.js'
import { type CpuSpent, watchCpu } from './cpu-spent.js'

export interface Capacity {
  readonly connections: number
  readonly textsPerSecond: number
  /** of the texts, without special tokens and padding */
  readonly tokensPerSecond: number
  /** answers for each second of CPU time that the server's processes spent; null where the system does not tell */
  readonly textsPerCpuSecond: number | null
  readonly tokensPerCpuSecond: number | null
  readonly cpu: CpuSpent
  /** /health/live under this load */
  readonly live: DurationPercentiles & { readonly probes: number; readonly failed: number }
  readonly load: Pick<LoadSummary, 'requests' | 'answered' | 'errors' | 'tiers'>
}

export interface CapacityOptions {
  readonly tier: RequestedTier
  /** empty: none */
  readonly budgetsMs: readonly number[]
  /** each is tried for as long; the one with the most texts a second counts */
  readonly connections: readonly number[]
  readonly durationMs: number
  /** between probes of /health/live; default: 50 */
  readonly probeEveryMs?: number
}

/** The queue fills and the batches find their size. */
const WARM_UP_SHARE = 0.2
const PROBE_INTERVAL_MS = 50

/** A tier that is too slow for the time given gets twice as much, this many times. */
const EXTENSIONS = 3

/** @throws NotReady when too little was answered even in eight times the time given */
export async function measureCapacity(context: BenchContext, options: CapacityOptions): Promise<Capacity> {
  let best: Capacity | undefined
  for (let extension = 0; extension <= EXTENSIONS; extension++) {
    const longer = { ...options, durationMs: options.durationMs * 2 ** extension }
    for (const connections of options.connections) {
      const found = await capacityWith(context, longer, connections)
      if (!best || found.textsPerSecond > best.textsPerSecond) best = found
    }
    if (best && best.textsPerSecond > 0) return best
  }
  throw new NotReady(
    `too few requests of tier "${options.tier}" were answered to measure it ` +
      `(${best?.load.answered} of ${best?.load.requests}; errors: ${JSON.stringify(best?.load.errors)}); give more --seconds`,
  )
}

async function capacityWith(context: BenchContext, options: CapacityOptions, connections: number): Promise<Capacity> {
  const { tier, budgetsMs, durationMs, probeEveryMs = PROBE_INTERVAL_MS } = options
  const cpuSpent = watchCpu(context.server.pid)
  const probe = startLiveProbe(`${context.server.origin}/health/live`, probeEveryMs)
  const { observations, startMs, endMs } = await context.load.closedLoop({
    tier,
    budgetsMs,
    connections,
    durationMs: durationMs * (1 + WARM_UP_SHARE),
  })
  const cpu = cpuSpent()
  const live = await probe.stop()
  const completions = completionsOf(observations)
  const perCpuSecond = (of: 'texts' | 'tokens') =>
    cpu.serverSeconds ? completions.reduce((sum, one) => sum + one[of], 0) / cpu.serverSeconds : null
  const { requests, answered, errors, tiers } = summariseLoad(observations)
  return {
    connections,
    ...completionRate(completions, startMs + durationMs * WARM_UP_SHARE, endMs),
    textsPerCpuSecond: perCpuSecond('texts'),
    tokensPerCpuSecond: perCpuSecond('tokens'),
    cpu,
    live,
    load: { requests, answered, errors, tiers },
  }
}

/** One request at a time, each after the answer to the one before: nothing queues. */
export async function measureIdleLatency(
  context: BenchContext,
  tier: RequestedTier,
  durationMs: number,
): Promise<DurationPercentiles & { readonly requests: number }> {
  const { observations } = await context.load.closedLoop({ tier, budgetsMs: [], connections: 1, durationMs })
  const { latency, answered, errors } = summariseLoad(observations)
  if (latency.p90Ms === null) {
    throw new NotReady(`no request of tier "${tier}" was answered (errors: ${JSON.stringify(errors)})`)
  }
  return { requests: answered, ...latency }
}
