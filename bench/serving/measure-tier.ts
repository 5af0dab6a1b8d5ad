/** One tier of a running server: idle latency, capacity, and what the bare runtime reaches with the same variant. */
import { tierPaths } from '../../src/family/load-family.js'
import { findGpuDevices, visibleGpus } from '../../src/onnx/gpu-devices.js'
import { BATCH_SHAPE } from '../../src/serving/batch-planner.js'
import { narrowThreads } from '../../src/serving/run-width.js'
import type { EngineChoice } from '../host/running-server.js'
import { servedVariant } from '../host/served-variant.js'
import { measureRaw, type RawModel, type RawThroughput } from '../raw/measure-raw.js'
import { type Capacity, type CapacityOptions, measureCapacity, measureIdleLatency } from './measure-capacity.js'
import { connectionsFor, type MeasuredServer } from './measured-server.js'
import type { TierResult } from './serve-result.js'

/** Shares of `--seconds`. */
export const IDLE_SHARE = 0.15
export const CAPACITY_SHARE = 0.4
const RAW_SHARE = 0.4

/** Served and raw throughput are measured one right after the other, so that a machine that drifts drifts under both. */
export async function measureTier(server: MeasuredServer, tier: TierResult['tier']): Promise<TierResult> {
  const { options, family, context, onProgress } = server
  const { architecture, parameters } = family.manifest.tiers.find((manifest) => manifest.tier === tier)!
  onProgress(`${tier}: idle latency`)
  const idle = await measureIdleLatency(context, tier, IDLE_SHARE * 1_000 * options.seconds)
  const { capacity, raw } = await measureServedAndRaw(server, tier)
  const best = raw[raw.best]
  return {
    tier,
    architecture,
    parameters,
    idle,
    capacity,
    raw,
    shareOfRaw: capacity.tokensPerSecond / best.tokensPerSecond,
    shareOfRawPerCpuSecond:
      capacity.tokensPerCpuSecond === null ? null : capacity.tokensPerCpuSecond / best.tokensPerCpuSecond,
  }
}

export async function measureServedAndRaw(
  server: MeasuredServer,
  tier: TierResult['tier'],
  { probeEveryMs }: Pick<CapacityOptions, 'probeEveryMs'> = {},
): Promise<{ capacity: Capacity; raw: RawThroughput }> {
  const { options, workload, context, maxBatchTokens, onProgress } = server
  const durationMs = 1_000 * options.seconds
  onProgress(`${tier}: capacity`)
  const capacity = await measureCapacity(context, {
    tier,
    budgetsMs: [],
    connections: connectionsFor(server, tier),
    durationMs: CAPACITY_SHARE * durationMs,
    ...(probeEveryMs !== undefined && { probeEveryMs }),
  })
  onProgress(`${tier}: raw session.run`)
  const common = {
    ...(await rawModel(server, tier)),
    devices: Math.max(1, visibleGpus(findGpuDevices().nvidiaCount, process.env.CUDA_VISIBLE_DEVICES)),
    texts: workload.texts.map(({ tokens, sequences }) => ({ tokens, sequences })),
    maxBatchTokens: maxBatchTokens[tier]!,
    maxRows: BATCH_SHAPE.maxRows,
    durationMs: RAW_SHARE * durationMs,
  }
  const bars: RawThroughput[] = []
  for (const layout of rawLayouts(context.server.choice)) bars.push(await measureRaw({ ...common, ...layout }))
  return { capacity, raw: bars.reduce((best, bar) => (tokensPerSecond(bar) > tokensPerSecond(best) ? bar : best)) }
}

/** As many processes as the server has engines, with as many threads; of pairs, also as those run while texts wait. */
function rawLayouts({ engines, threads, paired }: EngineChoice): { processes: number; threads: number }[] {
  const wide = { processes: engines, threads }
  return paired ? [wide, { processes: 2 * engines, threads: narrowThreads(threads) }] : [wide]
}

function tokensPerSecond(raw: RawThroughput): number {
  return raw[raw.best].tokensPerSecond
}

/** What a bare process has to load to run what the server runs. */
export async function rawModel(
  { family, context, options }: MeasuredServer,
  tier: TierResult['tier'],
): Promise<RawModel> {
  const { config, precision } = family.manifest.tiers.find((manifest) => manifest.tier === tier)!
  const { origin, choice } = context.server
  return {
    modelFile: tierPaths(family, tier).model,
    variant: await servedVariant(origin, family.manifest.name, tier),
    precision,
    config,
    provider: choice.provider,
    threads: choice.threads,
    cpus: options.server.cpus,
  }
}
