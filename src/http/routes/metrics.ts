import { Type } from 'typebox'
import type { Metrics } from '../../metrics/metrics.js'
import type { App } from '../app-types.js'

/** GET /metrics, open to scrapers */
export function addMetrics(app: App, metrics: Pick<Metrics, 'exposition' | 'contentType'>): void {
  app.get(
    '/metrics',
    {
      config: { open: true },
      schema: {
        operationId: 'metrics',
        summary: 'Prometheus metrics',
        tags: ['health'],
        response: {
          200: {
            description: 'Text exposition format',
            content: { 'text/plain': { schema: Type.String() } },
          },
        },
      },
    },
    async (_request, reply) => {
      const exposition = await metrics.exposition()
      return reply.type(metrics.contentType).send(exposition)
    },
  )
}
