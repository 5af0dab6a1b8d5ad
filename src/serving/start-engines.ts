/**
 * Starts the engines on the provider asked for, or, for `auto`, on the first of the candidates that can be used here.
 * A candidate is tried in a process of its own: a provider that brings its process down is merely not chosen.
 */
import type { Family } from '../family/load-family.js'
import { findGpuDevices } from '../onnx/gpu-devices.js'
import type { Provider } from '../onnx/providers.js'
import type { RequestedVariant } from '../onnx/variants/variant-names.js'
import type { Limit } from '../threads/limit-concurrency.js'
import { awakeMs } from './awake-time.js'
import type { RequestedProvider, ServingLog } from './classifier-options.js'
import { cpuEngineLayout, cpuQuota, type EngineLayout } from './cpu-quota.js'
import { EnginePool, type EnginePoolEvents, type EnginePoolOptions } from './engine-pool.js'
import type { TierFailed, TierLoaded } from './engine-protocol.js'
import type { LanePlan } from './lane-plan.js'
import { planProviders } from './provider-choice.js'
import type { RequestedPairs } from './run-width.js'

export interface StartOptions {
  readonly families: readonly Family[]
  readonly lane: LanePlan
  readonly provider: RequestedProvider
  readonly engines?: number | undefined
  readonly threads?: number | undefined
  readonly pairs: RequestedPairs
  readonly gpus?: number | undefined
  readonly maxBatchTokens?: number | undefined
  readonly variant: RequestedVariant
  readonly cacheDir?: string | undefined
  readonly engineFile: string
  readonly gate?: Limit | undefined
  readonly log: ServingLog
}

const STALL_TIMEOUT_MS = 120_000

/**
 * @param events reports of engines that were tried and not kept do not reach them
 * @returns the pool, which may still be loading
 */
export async function startEngines(options: StartOptions, events: EnginePoolEvents): Promise<EnginePool> {
  const { provider, log } = options
  const { candidates, leftOut } = planProviders(provider, findGpuDevices())
  for (const reason of leftOut) log.info({ provider }, `left out ${reason}`)
  for (const { provider: candidate, why } of candidates) {
    const layout = engineLayout(candidate, options)
    if (candidate === candidates.at(-1)?.provider) {
      const pool = poolOptions(options, candidate, layout)
      log.info(
        { requested: provider, provider: candidate, lane: pool.lane, ...layout, paired: pool.paired },
        `provider ${candidate}: ${why}`,
      )
      return new EnginePool(pool, events)
    }
    const attempt = await tryProvider(poolOptions(options, candidate, { ...layout, engines: 1 }), events)
    if (attempt.pool) {
      log.info({ requested: provider, provider: candidate, ...layout }, `provider ${candidate}: ${why}, and it works`)
      attempt.pool.grow(layout.engines)
      return attempt.pool
    }
    log.warn({ requested: provider, provider: candidate, reason: attempt.reason }, `provider ${candidate} is not used`)
  }
  throw new RangeError('a provider plan has at least one candidate')
}

type Attempt = { pool: EnginePool; reason?: undefined } | { pool?: undefined; reason: string }

/** Settles when one engine has loaded everything, has said that its provider cannot be used, or has died. */
function tryProvider(options: EnginePoolOptions, events: EnginePoolEvents): Promise<Attempt> {
  const loaded: TierLoaded[] = []
  const failed: TierFailed[] = []
  let kept = false
  return new Promise((resolve) => {
    const refuse = async (reason: string) => {
      await pool.stop()
      resolve({ reason })
    }
    const pool = new EnginePool(options, {
      tierLoaded: (report) => (kept ? events.tierLoaded(report) : loaded.push(report)),
      tierFailed: (report) => (kept ? events.tierFailed(report) : failed.push(report)),
      died: (reason, wasReady) =>
        kept ? events.died(reason, wasReady) : void refuse(`the engine that tried it stopped: ${reason}`),
      capacity: () => {
        if (kept) return events.capacity()
        const unavailable = failed.find(({ code }) => code === 'PROVIDER_UNAVAILABLE')
        if (unavailable) return void refuse(unavailable.message)
        kept = true
        for (const report of loaded) events.tierLoaded(report)
        for (const report of failed) events.tierFailed(report)
        resolve({ pool })
      },
    })
  })
}

function engineLayout(provider: Provider, options: StartOptions): EngineLayout {
  const { engines, threads } = options
  if (provider === 'cpu') return cpuEngineLayout(cpuQuota(), { engines, threads })
  // a GPU runs one batch at a time, and every engine would hold its own copy of the weights
  return { engines: engines ?? gpusOf(provider, options), threads: threads ?? 1 }
}

/** Also of models whose runs use one thread each: one process then leaves the other threads idle. */
function isPaired(provider: Provider, { threads }: EngineLayout, { pairs }: StartOptions): boolean {
  return pairs === 'auto' && provider === 'cpu' && threads > 1
}

/** WebGPU gives whichever adapter it likes best. */
function gpusOf(provider: Provider, { gpus }: StartOptions): number {
  return provider === 'cuda' ? (gpus ?? Math.max(1, findGpuDevices().nvidiaCount)) : 1
}

function poolOptions(options: StartOptions, provider: Provider, { engines, threads }: EngineLayout): EnginePoolOptions {
  return {
    engines,
    paired: isPaired(provider, { engines, threads }, options),
    lane: options.lane.name,
    devices: gpusOf(provider, options),
    file: options.engineFile,
    gate: options.gate,
    stallTimeoutMs: STALL_TIMEOUT_MS,
    log: options.log,
    load: {
      families: options.families,
      provider,
      threads,
      variant: options.variant,
      cacheDir: options.cacheDir,
      niceness: options.lane.niceness,
      awakeMs: awakeMs(provider, cpuQuota()),
      ...(options.lane.onlyWhenIdle !== undefined && { onlyWhenIdle: options.lane.onlyWhenIdle }),
      ...(options.lane.spinUs !== undefined && { spinUs: options.lane.spinUs }),
      ...(options.maxBatchTokens !== undefined && { maxBatchTokens: options.maxBatchTokens }),
    },
  }
}
