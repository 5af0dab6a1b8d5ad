/** The OpenAPI document, generated from the route schemas, and the pages that show it. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { App } from './app-types.js'
import { problemCodeTable } from './problem-codes.js'

const DESCRIPTION = [
  'Families of legal text classifiers of falling size. Every prediction is routed to the most accurate tier (`teacher`,',
  "`balanced`, `fast`) that is predicted to answer within the caller's latency budget. Errors are problem details (RFC",
  '9457) and never hold the texts of a request. Where the server is configured with API keys, send one as',
  '`Authorization: Bearer KEY` or `X-Api-Key: KEY`.',
].join(' ')

// the plugin's own policy upgrades requests to https, so that a browser on another machine than the server's shows an empty
// page over http, and lets pages call a validator elsewhere
const CONTENT_SECURITY_POLICY = {
  'default-src': "'self'",
  'base-uri': "'self'",
  'frame-ancestors': "'self'",
  'img-src': "'self' data:",
  'object-src': "'none'",
  'style-src': "'self' 'unsafe-inline'",
}

const ERRORS = `## Errors\n\n${problemCodeTable()}`

/** Before the routes: notes their schemas. */
export async function addApiDocument(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    refResolver: { buildLocalReference: ({ $id }, _baseUri, _fragment, i) => String($id ?? `schema-${i}`) },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'lextier',
        description: `${DESCRIPTION}\n\n${ERRORS}`,
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'this server' }],
      tags: [
        { name: 'predict', description: 'Predictions' },
        { name: 'families', description: 'What is served, and how good it was measured to be' },
        { name: 'health', description: 'Probes and metrics' },
      ],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
        },
      },
      security: [{}, { bearer: [] }, { apiKey: [] }],
    },
  })
}

/** /openapi.json and /openapi.yaml, without a key: the document holds no secret. */
export function addApiDocumentRoutes(app: App): void {
  const route = { schema: { hide: true }, config: { open: true } }
  app.get('/openapi.json', route, async (_request, reply) => reply.type('application/json').send(apiDocumentJson(app)))
  app.get('/openapi.yaml', route, async (_request, reply) => reply.type('application/yaml').send(apiDocumentYaml(app)))
}

/** Swagger UI at /docs, with its assets from this server. A browser has no key to send, so it asks for none. */
export async function addApiPages(app: App): Promise<void> {
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/docs')) route.config = { ...route.config, open: true }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CONTENT_SECURITY_POLICY,
    uiConfig: { deepLinking: true },
  })
}

/** @param app one that is ready */
export function apiDocumentYaml(app: App): string {
  return app.swagger({ yaml: true })
}

/** @param app one that is ready */
export function apiDocumentJson(app: App): string {
  return `${JSON.stringify(app.swagger(), null, 2)}\n`
}
