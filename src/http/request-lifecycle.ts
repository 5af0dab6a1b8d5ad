/**
 * What happens around every request, whichever route answers it: its arrival time, the signal that its caller has gone,
 * the count of requests in flight, one log line and its metrics when it ends.
 *
 *     onRequest ─ arrivalMs, callerGone, X-Request-Id, in flight + 1
 *         ⋮       (auth, body, handler)
 *     'close'   ─ in flight − 1, log, metrics; before the answer was written: callerGone aborts
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CallerSignal } from '../caller-signal.js'
import { Draining as ServerDraining } from '../errors.js'
import type { HttpMetrics } from '../metrics/metrics.js'
import type { App } from './app-types.js'
import type { Draining } from './draining.js'
import { REQUEST_LINE } from './server-logger.js'

const UNKNOWN_ROUTE = 'unknown'

export function addRequestLifecycle(app: App, draining: Draining, metrics: HttpMetrics): void {
  const ended = (request: FastifyRequest, { raw }: FastifyReply, caller: CallerSignal) => {
    const answered = raw.writableEnded
    if (!answered) caller.abort()
    draining.leave()
    const { url, config } = request.routeOptions
    const route = url ?? UNKNOWN_ROUTE
    const status = answered ? raw.statusCode : 499
    const durationMs = performance.now() - request.arrivalMs
    metrics.answered(route, status, durationMs / 1000)
    // probes and scrapes come every few seconds
    const level = config.open ? 'debug' : 'info'
    // the route's pattern, never the URL: a path or a query may carry text
    app.log[level](
      { reqId: request.id, method: request.method, route, status, durationMs: round(durationMs) },
      REQUEST_LINE,
    )
  }
  app.decorateRequest('arrivalMs', 0)
  app.decorateRequest('reachedClassifier', false)
  // Fastify wants reference types decorated without a value; the first hook sets it
  app.decorateRequest('callerGone')
  app.addHook('onRequest', (request, reply, done) => {
    request.arrivalMs = performance.now()
    const caller = new CallerSignal()
    request.callerGone = caller
    reply.header('x-request-id', request.id)
    draining.enter()
    reply.raw.on('close', () => ended(request, reply, caller))
    if (!draining.begun) return done()
    reply.header('connection', 'close')
    done(request.routeOptions.config.refusedWhileDraining ? new ServerDraining() : undefined)
  })
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
