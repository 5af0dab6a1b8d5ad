/**
 * Refuses predictions that are sure to find no room before their body is read: under overload most requests are refused, and
 * whatever a refusal costs is taken from the answers.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest, preParsingHookHandler } from 'fastify'
import { TIER_NAMES } from '../family/family-schema.js'
import type { HttpMetrics } from '../metrics/metrics.js'
import type { Classifier, RequestedTier, RequestHead } from '../serving/types.js'
import { PROBLEM_TYPE, problemOf } from './problem.js'
import { sendsLines } from './routes/predict-stream.js'

declare module 'node:http' {
  interface IncomingMessage {
    /** the classifier has seen the head and has room */
    headAdmitted?: true
  }
}

const TIERS: ReadonlySet<string> = new Set(['auto', ...TIER_NAMES])

/** A refusal as it was answered. */
export interface Refused {
  /** HTTP status */
  readonly status: number
  /** of the problem */
  readonly code: string
}

/** For a route's `preParsing`: after its key and its rate limit have been seen to. */
export function refuseEarly(classifier: Classifier, metrics: HttpMetrics): preParsingHookHandler {
  return (request, reply, payload, done) => {
    const { raw } = request
    const isAsked = !raw.headAdmitted && !sendsLines(request)
    const refusal = isAsked ? refusalOf(classifier, raw, request.arrivalMs) : undefined
    if (!refusal) return done(null, payload)
    refuseUnread(refusal, request, reply, metrics)
  }
}

/** In a route's `preParsing`: the body is not read, and the connection is kept. */
export function refuseUnread(refusal: Error, request: FastifyRequest, reply: FastifyReply, metrics: HttpMetrics): void {
  reply.hijack()
  const { code } = answerRefusal(refusal, request.id, reply.raw, reply.getHeaders() as Record<string, string>)
  metrics.rejected(code)
}

/** @returns why a request that is no stream of lines is refused by what its head says; undefined where its body must be read */
export function refusalOf(
  classifier: Classifier,
  { headers }: Pick<IncomingMessage, 'headers'>,
  arrivalMs: number,
): Error | undefined {
  const head = headOf(headers, arrivalMs)
  return head && classifier.refusal?.(head)
}

/** Without the framework's way to an answer: what it has for others to hook into costs twice what the answer does. */
export function answerRefusal(
  refusal: Error,
  requestId: string,
  raw: ServerResponse,
  headers: Record<string, string>,
): Refused {
  const { problem, retryAfterSeconds } = problemOf(refusal, requestId)
  const body = JSON.stringify(problem)
  const own: Record<string, string | number> = {
    'content-type': `${PROBLEM_TYPE}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
  }
  if (retryAfterSeconds !== undefined) own['retry-after'] = String(retryAfterSeconds)
  raw.writeHead(problem.status, Object.assign(headers, own))
  // what comes of the body yet is read and dropped by Node, and the connection kept
  raw.end(body)
  return { status: problem.status, code: problem.code }
}

/** @returns undefined where a header is not what it must be: the body's checks say so with all else that is wrong */
function headOf(headers: IncomingHttpHeaders, arrivalMs: number): RequestHead | undefined {
  const { 'x-family': family, 'x-tier': tier, 'x-latency-budget-ms': budget } = headers
  if (Array.isArray(family) || (tier !== undefined && !TIERS.has(String(tier)))) return undefined
  const budgetMs = budget === undefined ? undefined : Number(budget)
  if (budgetMs !== undefined && !(budgetMs > 0)) return undefined
  return { family, tier: tier as RequestedTier | undefined, budgetMs, arrivalMs }
}
