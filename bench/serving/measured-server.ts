/** What every bench of the real server begins and ends with: texts, the server, a client, and what the result says of them. */
import { InvalidConfiguration } from '../../src/errors.js'
import type { TierName } from '../../src/family/family-schema.js'
import { listFamilies } from '../../src/family/list-families.js'
import type { Family } from '../../src/family/load-family.js'
import { batchTokenLimit } from '../../src/serving/batch-limits.js'
import { createRandom } from '../../training/random.js'
import { describeEnvironment, type Environment } from '../host/environment.js'
import { type Placement, placeLoad } from '../host/placement.js'
import { processTreeUsage } from '../host/process-tree.js'
import { type RunningServer, startServer } from '../host/running-server.js'
import { createLoadGenerator } from '../load/generator-threads.js'
import { type LoadGenerator, localGenerator } from '../load/load-generator.js'
import { createPredictClient } from '../load/predict-client.js'
import { requestBodies } from '../workload/request-bodies.js'
import { loadWorkload, type Workload } from '../workload/workload.js'
import type { BenchContext } from './bench-context.js'
import { enoughConnections } from './enough-connections.js'
import type { ServeOptions } from './serve-options.js'
import type { BatchTokenLimits, RunDescription } from './serve-result.js'

export type OnProgress = (phase: string) => void

/** A server that is ready, and what to send it. */
export interface MeasuredServer {
  readonly options: ServeOptions
  readonly environment: Environment
  readonly placement: Placement
  readonly family: Family
  readonly workload: Workload
  readonly context: BenchContext
  /** padded tokens that the server lets a batch of each tier have */
  readonly maxBatchTokens: BatchTokenLimits
  readonly onProgress: OnProgress
}

const READY_TIMEOUT_MS = 300_000
/** The longest budget that the API takes: whoever waits longer has lost the answer. */
const CLIENT_TIMEOUT_MS = 60_000

const WARM_UP_CONNECTIONS = 64

/** What a bench works with before any server runs. */
export type Prepared = Pick<
  MeasuredServer,
  'options' | 'environment' | 'placement' | 'family' | 'workload' | 'onProgress'
>

/** @throws InvalidConfiguration when the family is not there, or as placeLoad does; DataInvalid, ColumnNotFound for a file without texts */
export async function prepareBench(options: ServeOptions, onProgress: OnProgress): Promise<Prepared> {
  const environment = describeEnvironment()
  const placement = placeLoad(options)
  const family = await chosenFamily(options)
  onProgress('texts')
  const workload = await loadWorkload({
    family,
    file: options.file,
    textColumn: options.textColumn,
    count: options.texts,
    seed: options.seed,
  })
  return { options, environment, placement, family, workload, onProgress }
}

/**
 * Starts the server, lets it be measured, and stops it whatever happens.
 * @returns what was measured, and the description of the run
 */
export async function withServer<T>(
  prepared: Prepared,
  measure: (server: MeasuredServer) => Promise<T>,
): Promise<{ measured: T; run: RunDescription }> {
  const { options, placement, family, workload, onProgress } = prepared
  onProgress('server starts')
  const server = await startServer(options.server, READY_TIMEOUT_MS)
  const target = { origin: server.origin, family: family.manifest.name, timeoutMs: CLIENT_TIMEOUT_MS }
  const client = createPredictClient(target.origin, target.family, target.timeoutMs)
  try {
    const whenReady = processTreeUsage(server.pid) ?? null
    const random = createRandom(options.seed).fork('load')
    const bodies = requestBodies(workload.texts, options.textsPerRequest, random.fork('bodies'))
    const load = await createLoadGenerator(
      localGenerator(client, bodies, random),
      { ...target, bodies: bodies.map(String), seed: options.seed },
      placement.generators,
    )
    try {
      const maxBatchTokens = tokenLimits(options, family, server)
      await warmUp(load, family, options.warmUpSeconds)
      const measured = await measure({ ...prepared, context: { server, load, client, random }, maxBatchTokens })
      return { measured, run: describeRun(prepared, server, maxBatchTokens, whenReady) }
    } finally {
      await load.close()
    }
  } finally {
    client.close()
    await server.stop()
  }
}

/** V8 has compiled what a request runs only after thousands of them; the quickest tier answers most. */
async function warmUp(load: LoadGenerator, { manifest }: Family, seconds: number): Promise<void> {
  if (seconds === 0) return
  const { tier } = manifest.tiers.at(-1)!
  await load.closedLoop({ tier, budgetsMs: [], connections: WARM_UP_CONNECTIONS, durationMs: 1_000 * seconds })
}

function describeRun(
  { environment, placement, family, workload, options }: Prepared,
  server: RunningServer,
  maxBatchTokens: BatchTokenLimits,
  whenReady: ReturnType<typeof processTreeUsage> | null,
): RunDescription {
  const { choice, from, readyAfterMs } = server
  return {
    environment,
    family: family.manifest.name,
    version: family.version,
    workload: { ...workload, texts: workload.texts.length },
    options: {
      ...{ seconds: options.seconds, seed: options.seed, textsPerRequest: options.textsPerRequest },
      maxBatchTokens,
    },
    placement,
    server: {
      ...choice,
      from,
      readyAfterMs,
      whenReady: whenReady ?? null,
      atEnd: processTreeUsage(server.pid) ?? null,
    },
  }
}

/** @returns those asked for, or enough */
export function connectionsFor(
  { options, workload, context, family, maxBatchTokens: limits }: MeasuredServer,
  tier: TierName = family.manifest.tiers[0]!.tier,
): readonly number[] {
  const { engines } = context.server.choice
  const { connections, textsPerRequest } = options
  const maxBatchTokens = limits[tier]!
  return (
    connections ?? enoughConnections({ engines, maxBatchTokens, meanTokens: workload.tokens.mean, textsPerRequest })
  )
}

function tokenLimits(
  { server: flags }: ServeOptions,
  { manifest }: Family,
  { choice }: RunningServer,
): BatchTokenLimits {
  const asked = flags.maxBatchTokens === undefined ? undefined : Number(flags.maxBatchTokens)
  return Object.fromEntries(
    manifest.tiers.map(({ tier, config }) => [tier, batchTokenLimit(choice.provider, config, asked)]),
  )
}

/** @throws InvalidConfiguration when the family is not there */
export async function chosenFamily({ server: { models }, family: name }: ServeOptions): Promise<Family> {
  const { families } = await listFamilies(models, { verify: 'sizes' })
  const found = name === undefined ? families[0] : families.find(({ manifest }) => manifest.name === name)
  if (found) return found
  const names = families.map(({ manifest }) => manifest.name).join(', ') || 'none'
  throw new InvalidConfiguration('--family', `${name ?? 'a family'} is not in ${models}, which has: ${names}`)
}
