/**
 * What happens around every request, whichever route answers it: its arrival time, the signal that its caller has gone,
 * the count of requests in flight, one log line and its metrics when it ends.
 *
 *     onRequest ─ arrivalMs, callerGone, X-Request-Id, in flight + 1
 *         ⋮       (auth, body, handler)
 *     'close'   ─ in flight − 1, log, metrics; before the answer was written: callerGone aborts
 */
import { RequestAborted, Draining as ServerDraining } from '../errors.js'
import type { HttpMetrics } from '../metrics/metrics.js'
import type { App } from './app-types.js'
import type { Draining } from './draining.js'

const UNKNOWN_ROUTE = 'unknown'

export function addRequestLifecycle(app: App, draining: Draining, metrics: HttpMetrics): void {
  app.decorateRequest('arrivalMs', 0)
  app.decorateRequest('reachedClassifier', false)
  // Fastify wants reference types decorated without a value; the first hook sets it
  app.decorateRequest('callerGone')
  app.addHook('onRequest', async (request, reply) => {
    request.arrivalMs = performance.now()
    const caller = new AbortController()
    request.callerGone = caller.signal
    reply.header('x-request-id', request.id)
    draining.enter()
    reply.raw.once('close', () => {
      const answered = reply.raw.writableEnded
      if (!answered) caller.abort(new RequestAborted())
      draining.leave()
      const route = request.routeOptions.url ?? UNKNOWN_ROUTE
      const status = answered ? reply.raw.statusCode : 499
      const durationMs = performance.now() - request.arrivalMs
      metrics.answered(route, status, durationMs / 1000)
      // probes and scrapes come every few seconds
      const level = request.routeOptions.config.open ? 'debug' : 'info'
      // the route's pattern, never the URL: a path or a query may carry text
      request.log[level]({ method: request.method, route, status, durationMs: round(durationMs) }, 'request')
    })
    if (draining.begun) {
      reply.header('connection', 'close')
      if (request.routeOptions.config.refusedWhileDraining) throw new ServerDraining()
    }
  })
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
