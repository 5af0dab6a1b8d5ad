import { Type } from 'typebox'
import { Draining, NotReady } from '../../errors.js'
import type { Readiness } from '../../serving/types.js'
import type { App } from '../app-types.js'
import { problemResponses } from '../problem-schemas.js'

/** What probes are told. */
export interface Health {
  readiness(): Readiness
  /** @returns why the process is of no use although something of it answers; default: it never is */
  standstill?(): string | undefined
}

/** GET /health/live and /health/ready, open to probes */
export function addHealth(app: App, health: Health): void {
  const checkAlive = () => {
    const reason = health.standstill?.()
    if (reason !== undefined) throw Object.assign(new NotReady(reason), { reasons: [reason] })
  }
  const config = { open: true }
  app.get(
    '/health/live',
    {
      config,
      schema: {
        operationId: 'live',
        summary: 'Whether the process is up',
        tags: ['health'],
        response: { 200: Type.Object({ status: Type.Literal('live') }, { description: 'The process is up' }) },
      },
    },
    async () => {
      checkAlive()
      return { status: 'live' as const }
    },
  )
  app.get(
    '/health/ready',
    {
      config,
      schema: {
        operationId: 'ready',
        summary: 'Whether every family answers',
        tags: ['health'],
        response: {
          200: Type.Object(
            { status: Type.Literal('ready') },
            {
              description:
                'Every tier has loaded and warmed up, but for tiers whose engines cannot be kept running while others of their family answer',
            },
          ),
          ...problemResponses(503),
        },
      },
    },
    async () => {
      checkAlive()
      const { ready, draining, reasons } = health.readiness()
      if (draining) throw Object.assign(new Draining(), { reasons: ['shutting down'] })
      if (!ready) throw Object.assign(new NotReady(reasons.join('; ') || 'warming up'), { reasons: [...reasons] })
      return { status: 'ready' as const }
    },
  )
}
