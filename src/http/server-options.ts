/** What every HTTP server of ours tells Fastify: which log, which request ids, and that all errors are problems. */
import { randomUUID } from 'node:crypto'
import { type FastifyBaseLogger, type FastifyServerOptions, LogController } from 'fastify'
import { answerFrameworkError, clientErrorAnswer } from './problem-answers.js'
import { requestId } from './request-id.js'

/** @param logger made by createServerLogger; undefined: no log */
export function serverOptions(logger: FastifyBaseLogger | undefined) {
  return {
    ...(logger ? { loggerInstance: logger } : { logger: false }),
    // request-lifecycle logs each request once, without its URL
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    requestIdHeader: false,
    // draining.ts refuses them, with a problem
    return503OnClosing: false,
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET' || socket.destroyed) return
      if (socket.writable) socket.write(clientErrorAnswer(error.code, randomUUID()))
      socket.destroy(error)
    },
  } satisfies FastifyServerOptions
}
