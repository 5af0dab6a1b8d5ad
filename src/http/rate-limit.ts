import { setTimeout as sleep } from 'node:timers/promises'
import rateLimit from '@fastify/rate-limit'
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { RateLimited, RequestAborted } from '../errors.js'
import { digest, presentedKey } from './api-keys.js'
import type { App } from './app-types.js'
import { sendsLines } from './routes/predict-stream.js'

/**
 * At most so many predictions a minute for each key (each address where the API is open), lone ones and lines of streams counted together.
 * Routes opt in with `requestLimit` and `lineLimit`.
 */
export async function addRateLimit(app: App, perMinute: number | undefined, keyed: boolean): Promise<void> {
  if (perMinute === undefined) return
  await app.register(rateLimit, {
    global: false,
    max: perMinute,
    timeWindow: '1 minute',
    keyGenerator: (request) => {
      const key = keyed ? presentedKey(request.headers) : undefined
      return key === undefined ? request.ip : digest(key).toString('base64')
    },
    errorResponseBuilder: (_request, { max, ttl }) => {
      const retryAfterSeconds = Math.max(1, Math.ceil(ttl / 1000))
      return Object.assign(new RateLimited(max, retryAfterSeconds), { retryAfterSeconds })
    },
  })
}

/** @returns for a route's `onRequest`, after the key check: counts a lone request; beyond the limit 429 with Retry-After */
export function requestLimit(app: App): onRequestAsyncHookHandler[] {
  if (!app.hasDecorator('rateLimit')) return []
  const limit = app.rateLimit()
  const ofLoneRequests: onRequestAsyncHookHandler = async function (request, reply) {
    if (!sendsLines(request)) await limit.call(this, request, reply)
  }
  return [ofLoneRequests]
}

/**
 * @returns counts a line of a stream as a prediction of its key; settles when the key may have it: a stream waits where a
 *   lone request is refused
 */
export function lineLimit(app: App): (request: FastifyRequest) => Promise<void> {
  if (!app.hasDecorator('createRateLimit')) return async () => {}
  const count = app.createRateLimit()
  return async (request) => {
    for (;;) {
      const state = await count(request)
      if (state.isAllowed || !state.isExceeded) return
      await sleep(state.ttl + 1, undefined, { signal: request.callerGone }).catch(() => {
        throw new RequestAborted()
      })
    }
  }
}
