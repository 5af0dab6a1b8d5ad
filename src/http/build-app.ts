/** The HTTP server, put together: what surrounds every request first, then the routes. */
import type { IncomingMessage } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyRequest } from 'fastify'
import { refuseOtherMethods, watchMethods } from './allowed-methods.js'
import { addApiDocument, addApiDocumentRoutes, addApiPages } from './api-document.js'
import { addApiKeys } from './api-keys.js'
import type { App, AppDependencies } from './app-types.js'
import { addBodyTimeout } from './body-timeout.js'
import { Draining, readinessOf } from './draining.js'
import { frontDoorServer } from './front-door.js'
import { checkBodyEncoding } from './json-body.js'
import { JsonParser } from './json-parser.js'
import { ProblemSchema } from './problem.js'
import { addProblemAnswers } from './problem-answers.js'
import { addRateLimit } from './rate-limit.js'
import { addRequestLifecycle } from './request-lifecycle.js'
import { createRequestValidator } from './request-validation.js'
import { addFamilies } from './routes/families.js'
import { addHealth } from './routes/health.js'
import { addMetrics } from './routes/metrics.js'
import { addPredict, PREDICT_PATH } from './routes/predict.js'
import { NDJSON_TYPE, sendsLines } from './routes/predict-stream.js'
import { serverOptions } from './server-options.js'

export interface AppOptions extends AppDependencies {
  /** made by createServerLogger; undefined: no log */
  readonly logger?: FastifyBaseLogger
  /** of this package, for the API document */
  readonly version: string
  /** in which a request's body must have arrived, unless it is a stream of lines; default one minute */
  readonly bodyTimeoutMs?: number
}

export interface BuiltApp {
  readonly app: App
  /** the requests in flight; `begin` refuses new predictions */
  readonly draining: Draining
}

const BODY_TIMEOUT_MS = 60_000

/** @returns an app whose routes and API document are ready; it does not listen yet */
export async function buildApp(options: AppOptions): Promise<BuiltApp> {
  const { classifier, config, metrics, logger } = options
  const draining = new Draining()
  // with keys or a limit, those come first
  const refusesAtDoor = config.apiKeys.length === 0 && config.rateLimitPerMinute === undefined
  const app: App = Fastify({
    ...(refusesAtDoor && {
      serverFactory: frontDoorServer({
        ...{ path: PREDICT_PATH, classifier, metrics: metrics.http, log: logger },
        closed: () => draining.begun,
      }),
    }),
    ...serverOptions(logger),
    ...(config.trustedProxies && { trustProxy: [...config.trustedProxies] }),
    bodyLimit: config.maxBodyBytes,
    // the head has a limit of Node's own, the body that of body-timeout.ts
    requestTimeout: 0,
  }).withTypeProvider<TypeBoxTypeProvider>()

  addProblemAnswers(app, config.maxBodyBytes)
  addRequestLifecycle(app, draining, metrics.http)
  addBodyTimeout(
    app,
    options.bodyTimeoutMs ?? BODY_TIMEOUT_MS,
    (request) => sendsLines(request) && request.routeOptions.url === PREDICT_PATH,
  )
  addApiKeys(app, config.apiKeys)
  await addRateLimit(app, config.rateLimitPerMinute, config.apiKeys.length > 0)

  const jsonParser = new JsonParser()
  app.addHook('onClose', () => jsonParser.close())
  app.decorate('parseJson', (bytes: Uint8Array) => jsonParser.parse(bytes))
  app.setValidatorCompiler(createRequestValidator())
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request: FastifyRequest, body: Buffer, done) => {
    checkBodyEncoding(request.headers['content-type'] ?? '', request.headers['content-encoding'])
    const parsed = app.parseJson(body)
    if (parsed instanceof Promise) return parsed
    done(null, parsed)
    return undefined
  })
  app.addContentTypeParser(NDJSON_TYPE, async (request: FastifyRequest, body: IncomingMessage) => {
    checkBodyEncoding(request.headers['content-type'] ?? '', request.headers['content-encoding'])
    return body
  })

  app.addSchema(ProblemSchema)
  await addApiDocument(app, options.version)
  const methodsOf = watchMethods(app)
  addPredict(app, options, draining)
  addFamilies(app, options)
  addHealth(app, { readiness: () => readinessOf(classifier, draining) })
  addMetrics(app, metrics)
  addApiDocumentRoutes(app)
  refuseOtherMethods(app, methodsOf)
  await addApiPages(app)
  await app.ready()
  return { app, draining }
}
