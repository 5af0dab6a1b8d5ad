/** Starts the server: families, classifier, HTTP; and stops it on SIGTERM or SIGINT. */
import { defaultFamily } from '../config/default-family.js'
import type { ServeConfig } from '../config/serve-config.js'
import { FamilyInvalid } from '../errors.js'
import { type FamilyListing, listFamilies } from '../family/list-families.js'
import { buildApp } from '../http/build-app.js'
import { createServerLogger } from '../http/server-logger.js'
import { createMetrics } from '../metrics/metrics.js'
import { createClassifier } from '../serving/classifier.js'
import type { Classifier } from '../serving/types.js'
import { checkListenAddress, listenFailure } from './listen-address.js'
import { onParentLoss } from './parent-watch.js'
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
  const { families, broken } = await familiesOf(config.modelsDir)
  for (const { name, reason } of broken) log.error({ family: name, reason }, 'family cannot be served')
  const names = [...families.map(({ manifest }) => manifest.name), ...broken.map(({ name }) => name)]
  const fallback = defaultFamily(names.sort(), config.defaultFamily)
  await checkListenAddress(config)
  const metrics = createMetrics({ processMetrics: true })
  const { provider, variant, cacheDir, defaultBudgetMs, engines, threads, maxQueue, maxBatchTokens } = config
  const classifier = await createClassifier({
    families,
    broken,
    provider,
    variant,
    cacheDir,
    ...(fallback !== undefined && { defaultFamily: fallback }),
    ...(defaultBudgetMs !== undefined && { defaultBudgetMs }),
    ...(engines !== undefined && { engines }),
    ...(threads !== undefined && { threads }),
    maxQueue,
    ...(maxBatchTokens !== undefined && { maxBatchTokens }),
    observer: metrics.observer,
    log,
  })
  const { app, draining } = await listening(config, classifier, () =>
    buildApp({
      classifier,
      catalogue: { families: () => families, defaultFamily: () => fallback, refused: () => broken },
      metrics,
      config,
      logger: log,
      version,
    }),
  )
  log.info({ families: names, defaultFamily: fallback, version }, 'serving; the API is described at /docs')

  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught')
    process.exit(EXIT_FAILURE)
  })
  const stop = stopOnSignals(process, async (reason) => {
    log.info({ reason, inFlight: draining.inFlight, graceMs: config.graceMs }, 'draining')
    const unanswered = await shutDown({ app, draining, classifier, graceMs: config.graceMs })
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
  if (listing.families.length > 0) return listing
  const faults = listing.broken.map(({ name, reason }) => `${name}: ${reason}`).join('; ')
  throw new FamilyInvalid(
    modelsDir,
    faults
      ? `no family in it can be served (${faults})`
      : 'there is no family in it (a subfolder with family.json); name another folder with --models or LEXTIER_MODELS',
  )
}
