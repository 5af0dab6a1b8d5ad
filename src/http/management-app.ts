/** Health and metrics for a port of their own, which others may keep busy as they like. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger } from 'fastify'
import type { Metrics } from '../metrics/metrics.js'
import { refuseOtherMethods, watchMethods } from './allowed-methods.js'
import type { App } from './app-types.js'
import { Draining } from './draining.js'
import { ProblemSchema } from './problem.js'
import { addProblemAnswers } from './problem-answers.js'
import { addRequestLifecycle } from './request-lifecycle.js'
import { addHealth, type Health } from './routes/health.js'
import { addMetrics } from './routes/metrics.js'
import { serverOptions } from './server-options.js'

export interface ManagementAppOptions {
  readonly health: Health
  readonly metrics: Pick<Metrics, 'http' | 'exposition' | 'contentType'>
  /** made by createServerLogger; undefined: no log */
  readonly logger?: FastifyBaseLogger
}

/** No route of it reads a body. */
const MAX_BODY_BYTES = 1_024

/** @returns an app with `/health/live`, `/health/ready` and `/metrics`, which asks for no key; it does not listen yet */
export async function buildManagementApp({ health, metrics, logger }: ManagementAppOptions): Promise<App> {
  const app: App = Fastify({
    ...serverOptions(logger),
    bodyLimit: MAX_BODY_BYTES,
  }).withTypeProvider<TypeBoxTypeProvider>()
  addProblemAnswers(app, MAX_BODY_BYTES, 'this port has /health/live, /health/ready and /metrics')
  addRequestLifecycle(app, new Draining(), metrics.http)
  app.addSchema(ProblemSchema)
  const methodsOf = watchMethods(app)
  addHealth(app, health)
  addMetrics(app, metrics)
  refuseOtherMethods(app, methodsOf)
  await app.ready()
  return app
}
