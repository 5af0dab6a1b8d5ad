/**
 * Slow senders do not hold connections: a request's body must have arrived within a time. Node's own limit counts for every
 * request, streams of lines too, which take as long as their answers.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { App } from './app-types.js'

/** @param streams whether a request's body is read as it is answered */
export function addBodyTimeout(app: App, timeoutMs: number, streams: (request: FastifyRequest) => boolean): void {
  /** bodies that have not arrived yet, the oldest first, and when they must have */
  const arriving = new Map<IncomingMessage, number>()
  let timer: NodeJS.Timeout | undefined

  // one timer for all: nearly every body is there before a timer of its own were set
  const watch = () => {
    timer = undefined
    for (const [raw, dueMs] of arriving) {
      const leftMs = dueMs - performance.now()
      if (leftMs > 0) {
        timer = setTimeout(watch, Math.ceil(leftMs)).unref()
        return
      }
      arriving.delete(raw)
      // answered as Node's own time-out would be
      const error = Object.assign(new Error('the body did not arrive in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
      app.server.emit('clientError', error, raw.socket)
    }
  }
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request
    if (streams(request)) return done()
    arriving.set(raw, performance.now() + timeoutMs)
    timer ??= setTimeout(watch, timeoutMs).unref()
    const arrived = () => arriving.delete(raw)
    raw.on('end', arrived)
    // it may be answered before its body is read
    reply.raw.on('close', arrived)
    done()
  })
  app.addHook('onClose', (_app, done) => {
    clearTimeout(timer)
    done()
  })
}
