/** The serving bench: capacity of the real server beside the bare runtime's, then latency and budgets under open load. */
import { InvalidConfiguration } from '../src/errors.js'
import { listFamilies } from '../src/family/list-families.js'
import { type Family, tierPaths } from '../src/family/load-family.js'
import { BATCH_SHAPE } from '../src/serving/batch-planner.js'
import { batchTokenLimit } from '../src/serving/start-engines.js'
import { createRandom } from '../training/random.js'
import { describeEnvironment } from './host/environment.js'
import { processTreeUsage } from './host/process-tree.js'
import { type RunningServer, startServer } from './host/running-server.js'
import { budgetMix } from './load/budget-mix.js'
import { createPredictClient } from './load/predict-client.js'
import { writeResult } from './output/write-result.js'
import { measureRaw } from './raw/measure-raw.js'
import type { BenchContext } from './serving/bench-context.js'
import { measureCapacity, measureIdleLatency } from './serving/measure-capacity.js'
import { measureOpenLoop, type OpenLoopResult } from './serving/measure-open-loop.js'
import { type ServeFlags, type ServeOptions, serveOptions } from './serving/serve-options.js'
import type { ServeResult, TierResult } from './serving/serve-result.js'
import { serveTable } from './serving/serve-table.js'
import { serveWarnings } from './serving/serve-warnings.js'
import { dealTexts, loadWorkload, type Workload } from './workload/workload.js'

/** Shares of `--seconds`. */
const IDLE_SHARE = 0.15
const CAPACITY_SHARE = 0.4
const RAW_SHARE = 0.4
const READY_TIMEOUT_MS = 300_000
/** The longest budget that the API takes: whoever waits longer has lost the answer. */
const CLIENT_TIMEOUT_MS = 60_000
/** Below so many CPUs, the generator's polling would be taken from the server. */
const CPUS_TO_POLL = 8

type OnProgress = (phase: string) => void

/** `npm run bench -- serve` */
export async function runServeBench(flags: ServeFlags): Promise<void> {
  const result = await benchServing(serveOptions(flags), (phase) => process.stderr.write(`${phase} …\n`))
  await writeResult(result, serveTable(result), flags.json)
}

export async function benchServing(options: ServeOptions, onProgress: OnProgress): Promise<ServeResult> {
  const environment = describeEnvironment()
  const family = await chosenFamily(options)
  onProgress('texts')
  const workload = await loadWorkload({
    family,
    file: options.file,
    textColumn: options.textColumn,
    count: options.texts,
    seed: options.seed,
  })
  onProgress('server starts')
  const server = await startServer(options.server, READY_TIMEOUT_MS)
  const client = createPredictClient(server.origin, family.manifest.name, CLIENT_TIMEOUT_MS)
  try {
    const random = createRandom(options.seed).fork('load')
    const context: BenchContext = { server, client, nextText: dealTexts(workload.texts, random.fork('texts')), random }
    const whenReady = processTreeUsage(server.pid) ?? null
    const measured = await measure({
      options,
      family,
      workload,
      context,
      poll: environment.cpusAvailable >= CPUS_TO_POLL,
      onProgress,
    })
    const { choice, from, readyAfterMs } = server
    const result = {
      bench: 'serve' as const,
      environment,
      family: family.manifest.name,
      version: family.version,
      workload: { ...workload, texts: workload.texts.length },
      options: { seconds: options.seconds, seed: options.seed, maxBatchTokens: maxBatchTokens(options, server) },
      server: { ...choice, from, readyAfterMs, whenReady, atEnd: processTreeUsage(server.pid) ?? null },
      ...measured,
    }
    return { ...result, warnings: serveWarnings(result) }
  } finally {
    client.close()
    await server.stop()
  }
}

interface Bench {
  readonly options: ServeOptions
  readonly family: Family
  readonly workload: Workload
  readonly context: BenchContext
  readonly poll: boolean
  readonly onProgress: OnProgress
}

async function measure(bench: Bench): Promise<Pick<ServeResult, 'tiers' | 'budgetsMs' | 'mixedCapacity' | 'openLoop'>> {
  const { options, family, context, poll, onProgress } = bench
  const durationMs = 1_000 * options.seconds
  const tiers: TierResult[] = []
  for (const { tier } of family.manifest.tiers) tiers.push(await measureTier(bench, tier))
  const budgetsMs = options.budgetsMs ?? budgetMix(tiers.map(({ tier, idle }) => ({ tier, p90Ms: idle.p90Ms! })))
  onProgress('capacity, mixed budgets')
  // the longer the queue, the more requests only the faster tiers can answer in time: throughput rises with it
  const connections = options.connections ?? connectionsFor(bench).flatMap((enough) => [enough, 3 * enough])
  const mixedCapacity = await measureCapacity(context, {
    tier: 'auto',
    budgetsMs,
    connections,
    durationMs: CAPACITY_SHARE * durationMs,
  })
  const openLoop: OpenLoopResult[] = []
  for (const loadShare of options.loadShares) {
    const ratePerSecond = loadShare * mixedCapacity.textsPerSecond
    onProgress(`open loop, ${Math.round(100 * loadShare)}% of capacity: ${ratePerSecond.toPrecision(3)} requests/s`)
    openLoop.push(await measureOpenLoop(context, { loadShare, ratePerSecond, durationMs, budgetsMs, poll }))
  }
  return { tiers, budgetsMs, mixedCapacity, openLoop }
}

/** Served and raw throughput are measured one right after the other, so that a machine that drifts drifts under both. */
async function measureTier(bench: Bench, tier: TierResult['tier']): Promise<TierResult> {
  const { options, family, workload, context, onProgress } = bench
  const durationMs = 1_000 * options.seconds
  const { config, architecture, parameters } = family.manifest.tiers.find((manifest) => manifest.tier === tier)!
  onProgress(`${tier}: idle latency`)
  const idle = await measureIdleLatency(context, tier, IDLE_SHARE * durationMs)
  onProgress(`${tier}: capacity`)
  const capacity = await measureCapacity(context, {
    tier,
    budgetsMs: [],
    connections: connectionsFor(bench),
    durationMs: CAPACITY_SHARE * durationMs,
  })
  onProgress(`${tier}: raw session.run`)
  const { provider, engines, threads } = context.server.choice
  const raw = await measureRaw({
    modelFile: tierPaths(family, tier).model,
    config,
    provider,
    threads,
    processes: engines,
    texts: workload.texts.map(({ tokens, sequences }) => ({ tokens, sequences })),
    maxBatchTokens: maxBatchTokens(options, context.server),
    maxRows: BATCH_SHAPE.maxRows,
    durationMs: RAW_SHARE * durationMs,
  })
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

/**
 * Enough for four full batches an engine: one runs, one is on its way there or back, and the rest let the planner find
 * similar lengths. Never so few that the callers' turn-round shows, nor so many that one tier's queue overflows.
 */
function connectionsFor({ options, workload, context: { server } }: Bench): readonly number[] {
  const rowsOfFullBatch = Math.min(BATCH_SHAPE.maxRows, maxBatchTokens(options, server) / workload.tokens.mean)
  return options.connections ?? [Math.min(256, Math.max(32, Math.ceil(4 * server.choice.engines * rowsOfFullBatch)))]
}

function maxBatchTokens({ server: flags }: ServeOptions, { choice }: RunningServer): number {
  return batchTokenLimit(choice.provider, flags.maxBatchTokens === undefined ? undefined : Number(flags.maxBatchTokens))
}

async function chosenFamily({ server: { models }, family: name }: ServeOptions): Promise<Family> {
  const { families } = await listFamilies(models, { verify: 'sizes' })
  const found = name === undefined ? families[0] : families.find(({ manifest }) => manifest.name === name)
  if (found) return found
  const names = families.map(({ manifest }) => manifest.name).join(', ') || 'none'
  throw new InvalidConfiguration('--family', `${name ?? 'a family'} is not in ${models}, which has: ${names}`)
}
