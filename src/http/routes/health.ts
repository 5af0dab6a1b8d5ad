import { Type } from 'typebox'
import { NotReady, Draining as ServerDraining } from '../../errors.js'
import type { App, AppDependencies } from '../app-types.js'
import type { Draining } from '../draining.js'
import { problemResponses } from '../problem-schemas.js'

/** GET /health/live and /health/ready, open to probes */
export function addHealth(app: App, { classifier }: AppDependencies, draining: Draining): void {
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
    async () => ({ status: 'live' as const }),
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
      const { ready, draining: classifierDraining, reasons } = classifier.readiness()
      if (draining.begun || classifierDraining)
        throw Object.assign(new ServerDraining(), { reasons: ['shutting down'] })
      if (!ready) throw Object.assign(new NotReady(reasons.join('; ') || 'warming up'), { reasons: [...reasons] })
      return { status: 'ready' as const }
    },
  )
}
