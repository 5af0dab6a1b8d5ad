/**
 * Slow senders do not hold connections: a request's body must have arrived within a time. Node's own limit counts for every
 * request, streams of lines too, which take as long as their answers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { App } from './app-types.js'

interface Arriving {
  readonly raw: IncomingMessage
  readonly answer: ServerResponse
}

/** @param streams whether a request's body is read as it is answered */
export function addBodyTimeout(app: App, timeoutMs: number, streams: (request: FastifyRequest) => boolean): void {
  /** bodies that have not arrived yet, the oldest first, and when they must have */
  const late = new Map<IncomingMessage, number>()
  /** of this turn of the event loop: nearly every body comes in one piece with its head */
  const fresh: Arriving[] = []
  let timer: NodeJS.Timeout | undefined

  const watch = () => {
    timer = undefined
    for (const [raw, dueMs] of late) {
      const leftMs = dueMs - performance.now()
      if (leftMs > 0) {
        timer = setTimeout(watch, Math.ceil(leftMs)).unref()
        return
      }
      late.delete(raw)
      // answered as Node's own time-out would be
      const error = Object.assign(new Error('the body did not arrive in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
      app.server.emit('clientError', error, raw.socket)
    }
  }
  const sortOut = () => {
    const dueMs = performance.now() + timeoutMs
    for (const { raw, answer } of fresh.splice(0)) {
      if (raw.complete || raw.readableEnded || raw.destroyed || answer.closed) continue
      const arrived = () => late.delete(raw)
      raw.once('end', arrived)
      // it may be answered before its body is read
      answer.once('close', arrived)
      late.set(raw, dueMs)
      timer ??= setTimeout(watch, timeoutMs).unref()
    }
  }
  app.addHook('onRequest', (request, reply, done) => {
    if (!streams(request) && fresh.push({ raw: request.raw, answer: reply.raw }) === 1) setImmediate(sortOut)
    done()
  })
  app.addHook('onClose', (_app, done) => {
    clearTimeout(timer)
    done()
  })
}
