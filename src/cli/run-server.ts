/** Starts the server: families, classifier, HTTP; and stops it on SIGTERM or SIGINT. */
import { apiProcessCount } from '../config/api-process-count.js'
import { defaultFamily } from '../config/default-family.js'
import type { ServeConfig } from '../config/serve-config.js'
import { FamilyInvalid } from '../errors.js'
import { type FamilyListing, listFamilies } from '../family/list-families.js'
import type { Family } from '../family/load-family.js'
import { createServerLogger, written } from '../http/server-logger.js'
import { createMetrics } from '../metrics/metrics.js'
import { findGpuDevices, visibleGpus } from '../onnx/gpu-devices.js'
import { awakeMs } from '../serving/awake-time.js'
import { createClassifier } from '../serving/classifier.js'
import type { RequestedProvider, ServingLog } from '../serving/classifier-options.js'
import { cpuQuota } from '../serving/cpu-quota.js'
import { FamilyGenerations } from '../serving/family-generations.js'
import { planProviders } from '../serving/provider-choice.js'
import type { Classifier, ServingObserver } from '../serving/types.js'
import { keepFreedMemory } from './allocator-variables.js'
import { folderFingerprint, watchFolder } from './folder-watch.js'
import { checkListenAddresses } from './listen-address.js'
import { type ApiProcessPlan, listen } from './listening.js'
import { onParentLoss } from './parent-watch.js'
import { reloader } from './reloader.js'
import { EXIT_FAILURE } from './report-error.js'
import { shutDown } from './shutdown.js'
import { stopOnSignals } from './stop-signals.js'

type Config = ServeConfig & { readonly modelsDir: string; readonly cacheDir: string }

/**
 * @returns once the server listens; engines may still warm up
 * @throws FamilyInvalid when there is no family to serve; InvalidConfiguration when it cannot listen
 */
export async function runServer(config: Config, version: string): Promise<void> {
  keepFreedMemory(process.env)
  const log = createServerLogger(config.logLevel)
  const listing = await familiesOf(config.modelsDir)
  for (const { name, reason } of listing.broken) log.error({ family: name, reason }, 'family cannot be served')
  // before anything starts: a wrong setting is told, and no engine is left behind
  fallbackOf(listing, config)
  await checkListenAddresses(config)
  const plan = apiProcesses(config)
  const metrics = createMetrics({ processMetrics: true })
  // where others answer, they count what they answer
  const observer = plan.count > 1 ? { ...metrics.observer, answered: () => {}, rejected: () => {} } : metrics.observer
  const generations = await FamilyGenerations.start(listing, {
    start: (families, provider) => classifierOf(families, provider, { config, observer, log }),
    defaultFamily: (names) => defaultFamily(names, config.defaultFamily),
    log,
  })
  const server = await drainedOnFailure(generations, () => listen(plan, { config, generations, metrics, log, version }))
  const names = generations.served().map(({ manifest }) => manifest.name)
  log.info(
    { families: names, defaultFamily: generations.defaultFamily(), version },
    'serving; the API is described at /docs',
  )

  const reloadFamilies = reloader(generations, { modelsDir: config.modelsDir, metrics, log })
  const reload = (why: string) => reloadFamilies(why).then(() => server.servedChanged())
  process.on('SIGHUP', () => void reload('SIGHUP'))
  if (config.watchSeconds !== undefined) {
    watchFolder(
      () => folderFingerprint(config.modelsDir),
      config.watchSeconds * 1000,
      () => reload('the models folder has changed'),
    )
  }
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught')
    process.exit(EXIT_FAILURE)
  })
  const stop = stopOnSignals(process, async (reason) => {
    log.info({ reason, inFlight: server.draining.inFlight, graceMs: config.graceMs }, 'draining')
    const unanswered = await shutDown({ ...server, classifier: generations, graceMs: config.graceMs })
    if (unanswered > 0) log.error({ unanswered }, 'the grace time is over; raise LEXTIER_GRACE_MS to wait longer')
    else log.info('stopped')
    await written(log)
    return unanswered > 0 ? EXIT_FAILURE : 0
  })
  if (process.env.npm_lifecycle_event !== undefined) {
    onParentLoss(
      () => process.ppid,
      () => stop('npm ended'),
    )
  }
}

function fallbackOf({ families, broken }: FamilyListing, config: Config): string | undefined {
  const names = [...families.map(({ manifest }) => manifest.name), ...broken.map(({ name }) => name)]
  return defaultFamily(names.sort(), config.defaultFamily)
}

interface ClassifierParts {
  readonly config: Config
  readonly observer: ServingObserver
  readonly log: ServingLog
}

function classifierOf(
  families: readonly Family[],
  /** of the classifier that serves meanwhile */
  serving: RequestedProvider | undefined,
  { config, observer, log }: ClassifierParts,
) {
  const {
    variant,
    cacheDir,
    defaultBudgetMs,
    engines,
    threads,
    lanes,
    pairs,
    maxQueue,
    toleratedLate,
    maxBatchTokens,
  } = config
  return createClassifier({
    families,
    provider: serving ?? config.provider,
    besideOthers: serving !== undefined,
    variant,
    cacheDir,
    ...(defaultBudgetMs !== undefined && { defaultBudgetMs }),
    ...(engines !== undefined && { engines }),
    ...(threads !== undefined && { threads }),
    gpus: visibleGpus(findGpuDevices().nvidiaCount, process.env.CUDA_VISIBLE_DEVICES),
    lanes,
    pairs,
    ...(maxQueue !== undefined && { maxQueue }),
    toleratedLate,
    ...(maxBatchTokens !== undefined && { maxBatchTokens }),
    observer,
    log,
  })
}

/** An API that cannot be built or cannot listen takes its engines along: they would keep the process alive, unready. */
async function drainedOnFailure<T>(classifier: Classifier, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen()
  } catch (error) {
    await classifier.drain()
    throw error
  }
}

/** @throws InvalidConfiguration */
function apiProcesses({ apiProcesses: asked, provider, rateLimitPerMinute }: Config): ApiProcessPlan {
  const { candidates } = planProviders(provider, findGpuDevices())
  const first = candidates[0]!.provider
  const cpus = cpuQuota()
  const rateLimited = rateLimitPerMinute !== undefined
  return {
    count: apiProcessCount({ asked, cpus, onGpu: first !== 'cpu', rateLimited }),
    awakeMs: awakeMs(first, cpus),
  }
}

async function familiesOf(modelsDir: string): Promise<FamilyListing> {
  const listing = await listFamilies(modelsDir, { verify: 'hashes' })
  // broken ones are named by /health/ready, and a reload can mend them
  if (listing.families.length > 0 || listing.broken.length > 0) return listing
  throw new FamilyInvalid(
    modelsDir,
    'there is no family in it (a subfolder with family.json); name another folder with --models or LEXTIER_MODELS',
  )
}
