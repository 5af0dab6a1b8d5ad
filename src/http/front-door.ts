/**
 * Refuses predictions before the framework sees them, where neither a key nor a rate limit is to be looked at first: a refusal
 * there costs half of what it does behind routing and hooks. What it answers and counts is what would be answered and counted there;
 * the log has one line for all refusals of a second in place of one each.
 */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyServerFactory } from 'fastify'
import type { HttpMetrics } from '../metrics/metrics.js'
import type { Classifier } from '../serving/types.js'
import { answerRefusal, refusalOf } from './early-refusal.js'
import { requestId } from './request-id.js'
import { Tally } from './tally.js'

export interface FrontDoor {
  /** of the predictions, whose requests may be refused */
  readonly path: string
  readonly classifier: Classifier
  readonly metrics: HttpMetrics
  readonly log: Pick<FastifyBaseLogger, 'info'> | undefined
  /** whether requests are refused for another reason, which is told further on */
  closed(): boolean
}

/** @returns a server like the framework's own, with the door before its handler */
export function frontDoorServer(door: FrontDoor): FastifyServerFactory {
  return (handler, options) => {
    const {
      http = {},
      keepAliveTimeout,
      requestTimeout,
      connectionTimeout,
    } = options as {
      http?: object
      keepAliveTimeout: number
      requestTimeout: number
      connectionTimeout: number
    }
    const server = createServer(http, behindDoor(door, handler as RequestListener))
    server.keepAliveTimeout = keepAliveTimeout
    server.requestTimeout = requestTimeout
    return server.setTimeout(connectionTimeout)
  }
}

function behindDoor(door: FrontDoor, handler: RequestListener): RequestListener {
  const { path, classifier, metrics, log } = door
  const tally = new Tally<number>((refused, status) =>
    log?.info({ method: 'POST', route: path, status, refused }, 'requests refused unread'),
  )
  return (request: IncomingMessage, response: ServerResponse) => {
    const isPrediction = request.url === path && request.method === 'POST'
    // another type may be a stream of lines, which is never refused as a whole
    if (!isPrediction || request.headers['content-type'] !== 'application/json' || door.closed()) {
      return handler(request, response)
    }
    const arrivalMs = performance.now()
    const refusal = refusalOf(classifier, request, arrivalMs)
    if (!refusal) {
      request.headAdmitted = true
      return handler(request, response)
    }
    const id = requestId(request)
    const { status, code } = answerRefusal(refusal, id, response, { 'x-request-id': id })
    metrics.rejected(code)
    metrics.answered(path, status, (performance.now() - arrivalMs) / 1000)
    tally.add(status)
  }
}
