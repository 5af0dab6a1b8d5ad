/** Where HTTP is answered: in this process, or in several that this one serves; and health on a port of its own, where one is given. */
import type { ServeConfig } from '../config/serve-config.js'
import type { FamilyCatalogue } from '../http/app-types.js'
import { type BuiltApp, buildApp } from '../http/build-app.js'
import { closeApp } from '../http/close-app.js'
import { limitConnections } from '../http/connection-limit.js'
import { type Draining, readinessOf } from '../http/draining.js'
import type { createServerLogger } from '../http/server-logger.js'
import type { Metrics } from '../metrics/metrics.js'
import type { FamilyGenerations } from '../serving/family-generations.js'
import { ApiProcesses } from './api-processes.js'
import { listenFailure, listenOptions } from './listen-address.js'
import { startManagement } from './management.js'
import { openFileLimit } from './open-files.js'
import type { ShutdownParts } from './shutdown.js'

export interface ListeningParts {
  readonly config: ServeConfig
  readonly generations: FamilyGenerations
  readonly metrics: Metrics
  readonly log: ReturnType<typeof createServerLogger>
  readonly version: string
}

export interface Listening extends Pick<ShutdownParts, 'app'> {
  readonly draining: ShutdownParts['draining'] & Pick<Draining, 'begun'>
  /** Prometheus text exposition of all processes */
  exposition(): Promise<string>
  /** after a reload */
  servedChanged(): void
}

/** @throws InvalidConfiguration when it cannot listen there; nothing listens then */
export async function listen(plan: ApiProcessPlan, parts: ListeningParts): Promise<Listening> {
  const api = await (plan.count > 1 ? listenInProcesses(plan, parts) : listenHere(parts))
  const { generations, metrics } = parts
  const { host, managementPort: port, logLevel } = parts.config
  if (port === undefined) return api
  try {
    const management = await startManagement({
      address: { host, port },
      logLevel,
      readiness: () => readinessOf(generations, api.draining),
      metrics: { ...metrics, exposition: api.exposition },
    })
    return { ...api, app: { close: () => Promise.all([api.app.close(), management.close()]) } }
  } catch (error) {
    api.draining.begin()
    await api.draining.idle()
    await api.app.close()
    throw error
  }
}

/** @throws InvalidConfiguration when it cannot listen there */
async function listenHere({ config, generations, metrics, log, version }: ListeningParts): Promise<Listening> {
  const catalogue: FamilyCatalogue = {
    families: () => generations.served(),
    defaultFamily: () => generations.defaultFamily(),
    refused: () => generations.refused(),
  }
  const built: BuiltApp = await buildApp({ classifier: generations, catalogue, metrics, config, logger: log, version })
  const openFiles = openFileLimit()
  if (openFiles !== undefined) limitConnections(built.app.server, openFiles, log)
  await built.app.listen(listenOptions(config)).catch((error: NodeJS.ErrnoException) => {
    throw listenFailure(error, config)
  })
  return {
    app: { close: () => closeApp(built.app) },
    draining: built.draining,
    exposition: metrics.exposition,
    servedChanged: () => {},
  }
}

export interface ApiProcessPlan {
  readonly count: number
  /** for how long each stays awake after work, ms */
  readonly awakeMs: number
}

/** @throws InvalidConfiguration when they cannot listen there */
async function listenInProcesses({ count, awakeMs }: ApiProcessPlan, parts: ListeningParts): Promise<Listening> {
  const { config, generations, metrics, log, version } = parts
  const { host, port, logLevel, apiKeys, maxBodyBytes } = config
  const processes = await ApiProcesses.start({
    count,
    served: {
      classifier: generations,
      state: () => ({
        families: generations.served().map(({ manifest, version }) => ({
          manifest,
          version,
          tokenizer: generations.tokenizer(manifest.name)!.hash,
        })),
        defaultFamily: generations.defaultFamily(),
        refused: generations.refused().map(({ name, reason }) => ({ name, reason })),
        statuses: generations.families(),
      }),
    },
    listen: { config: { host, port, logLevel, apiKeys, maxBodyBytes }, version, awakeMs },
    snapshot: () => metrics.snapshot(),
    listenFailure: (error) => listenFailure(error, config),
    log,
  })
  return {
    app: { close: async () => {} },
    draining: processes,
    exposition: () => processes.exposition(),
    servedChanged: () => processes.tellState(),
  }
}
