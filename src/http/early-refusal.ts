/**
 * Refuses predictions that are sure to find no room before their body is read: under overload most requests are refused, and
 * whatever a refusal costs is taken from the answers.
 */
import type { FastifyReply, FastifyRequest, preParsingHookHandler } from 'fastify'
import { TIER_NAMES } from '../family/family-schema.js'
import type { HttpMetrics } from '../metrics/metrics.js'
import type { Classifier, RequestedTier, RequestHead } from '../serving/types.js'
import { PROBLEM_TYPE, problemOf } from './problem.js'
import { sendsLines } from './routes/predict-stream.js'

const TIERS: ReadonlySet<string> = new Set(['auto', ...TIER_NAMES])

/** For a route's `preParsing`: after its key and its rate limit have been seen to. */
export function refuseEarly(classifier: Classifier, metrics: HttpMetrics): preParsingHookHandler {
  return (request, reply, payload, done) => {
    const head = sendsLines(request) ? undefined : headOf(request)
    const refusal = head && classifier.refusal?.(head)
    if (!refusal) return done(null, payload)
    metrics.rejected((refusal as { code?: string }).code ?? 'INTERNAL')
    sendAtOnce(refusal, request, reply)
  }
}

/** @returns undefined where a header is not what it must be: the body's checks say so with all else that is wrong */
function headOf({ headers, arrivalMs }: FastifyRequest): RequestHead | undefined {
  const { 'x-family': family, 'x-tier': tier, 'x-latency-budget-ms': budget } = headers
  if (Array.isArray(family) || (tier !== undefined && !TIERS.has(String(tier)))) return undefined
  const budgetMs = budget === undefined ? undefined : Number(budget)
  if (budgetMs !== undefined && !(budgetMs > 0)) return undefined
  return { family, tier: tier as RequestedTier | undefined, budgetMs, arrivalMs }
}

/** Without the framework's way to an answer: what it has for others to hook into costs twice what the answer does. */
function sendAtOnce(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const { problem, retryAfterSeconds } = problemOf(error, request.id)
  const body = JSON.stringify(problem)
  reply.hijack()
  reply.raw.writeHead(problem.status, {
    ...(reply.getHeaders() as Record<string, string>),
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    'content-type': `${PROBLEM_TYPE}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
  })
  reply.raw.end(body)
}
