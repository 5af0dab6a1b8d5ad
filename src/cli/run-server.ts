/** Starts the server: families, classifier, HTTP; and stops it on SIGTERM or SIGINT. */
import { defaultFamily } from '../config/default-family.js'
import type { ServeConfig } from '../config/serve-config.js'
import { FamilyInvalid } from '../errors.js'
import { type FamilyListing, listFamilies } from '../family/list-families.js'
import type { Family } from '../family/load-family.js'
import type { FamilyCatalogue } from '../http/app-types.js'
import { buildApp } from '../http/build-app.js'
import { createServerLogger } from '../http/server-logger.js'
import { createMetrics, type Metrics } from '../metrics/metrics.js'
import { findGpuDevices, visibleGpus } from '../onnx/gpu-devices.js'
import { createClassifier } from '../serving/classifier.js'
import type { RequestedProvider, ServingLog } from '../serving/classifier-options.js'
import { FamilyGenerations } from '../serving/family-generations.js'
import type { Classifier } from '../serving/types.js'
import { folderFingerprint, watchFolder } from './folder-watch.js'
import { checkListenAddress, listenFailure } from './listen-address.js'
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
  const log = createServerLogger(config.logLevel)
  const listing = await familiesOf(config.modelsDir)
  for (const { name, reason } of listing.broken) log.error({ family: name, reason }, 'family cannot be served')
  // before anything starts: a wrong setting is told, and no engine is left behind
  fallbackOf(listing, config)
  await checkListenAddress(config)
  const metrics = createMetrics({ processMetrics: true })
  const generations = await FamilyGenerations.start(listing, {
    start: (families, provider) => classifierOf(families, provider ?? config.provider, { config, metrics, log }),
    defaultFamily: (names) => defaultFamily(names, config.defaultFamily),
    log,
  })
  const catalogue: FamilyCatalogue = {
    families: () => generations.served(),
    defaultFamily: () => generations.defaultFamily(),
    refused: () => generations.refused(),
  }
  const { app, draining } = await listening(config, generations, () =>
    buildApp({ classifier: generations, catalogue, metrics, config, logger: log, version }),
  )
  const names = generations.served().map(({ manifest }) => manifest.name)
  log.info(
    { families: names, defaultFamily: generations.defaultFamily(), version },
    'serving; the API is described at /docs',
  )

  const reload = reloader(generations, { modelsDir: config.modelsDir, metrics, log })
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
    log.info({ reason, inFlight: draining.inFlight, graceMs: config.graceMs }, 'draining')
    const unanswered = await shutDown({ app, draining, classifier: generations, graceMs: config.graceMs })
    if (unanswered > 0) log.error({ unanswered }, 'the grace time is over; raise LEXTIER_GRACE_MS to wait longer')
    else log.info('stopped')
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
  readonly metrics: Metrics
  readonly log: ServingLog
}

function classifierOf(
  families: readonly Family[],
  provider: RequestedProvider,
  { config, metrics, log }: ClassifierParts,
) {
  const { variant, cacheDir, defaultBudgetMs, engines, threads, lanes, maxQueue, toleratedLate, maxBatchTokens } =
    config
  return createClassifier({
    families,
    provider,
    variant,
    cacheDir,
    ...(defaultBudgetMs !== undefined && { defaultBudgetMs }),
    ...(engines !== undefined && { engines }),
    ...(threads !== undefined && { threads }),
    gpus: visibleGpus(findGpuDevices().nvidiaCount, process.env.CUDA_VISIBLE_DEVICES),
    lanes,
    maxQueue,
    toleratedLate,
    ...(maxBatchTokens !== undefined && { maxBatchTokens }),
    observer: metrics.observer,
    log,
  })
}

/** An API that cannot be built or cannot listen takes its engines along: they would keep the process alive, unready. */
async function listening(
  config: Config,
  classifier: Classifier,
  build: () => ReturnType<typeof buildApp>,
): ReturnType<typeof buildApp> {
  try {
    const built = await build()
    await built.app
      .listen({
        host: config.host,
        port: config.port,
        listenTextResolver: (address) => `lextier listens on ${address}`,
      })
      .catch((error: NodeJS.ErrnoException) => {
        throw listenFailure(error, config)
      })
    return built
  } catch (error) {
    await classifier.drain()
    throw error
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
