/**
 * Slow senders do not hold connections: a request's body must have arrived within a time. Node's own limit counts for every
 * request, streams of lines too, which take as long as their answers.
 */
import type { FastifyRequest } from 'fastify'
import type { App } from './app-types.js'

/** @param streams whether a request's body is read as it is answered */
export function addBodyTimeout(app: App, timeoutMs: number, streams: (request: FastifyRequest) => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    const { raw } = request
    if (streams(request)) return
    const timer = setTimeout(() => {
      // answered as Node's own time-out would be
      const error = Object.assign(new Error('the body did not arrive in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
      app.server.emit('clientError', error, raw.socket)
    }, timeoutMs)
    const clear = () => clearTimeout(timer)
    raw.once('end', clear)
    // it may be answered before its body is read
    reply.raw.once('close', clear)
  })
}
