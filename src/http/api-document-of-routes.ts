import { NotReady } from '../errors.js'
import { createMetrics } from '../metrics/metrics.js'
import type { Classifier } from '../serving/types.js'
import { apiDocumentJson, apiDocumentYaml } from './api-document.js'
import { buildApp } from './build-app.js'

// serves nothing: the document depends on the routes alone
const offline: Classifier = {
  classify: () => Promise.reject(new NotReady('no family is loaded')),
  families: () => [],
  readiness: () => ({ ready: false, draining: false, reasons: ['no family is loaded'] }),
  drain: () => Promise.resolve(),
}

/**
 * @param version of this package
 * @returns the OpenAPI document as GET /openapi.yaml or /openapi.json of any server answers it
 */
export async function apiDocumentOfRoutes(format: 'yaml' | 'json', version: string): Promise<string> {
  const { app } = await buildApp({
    classifier: offline,
    catalogue: { families: () => [], defaultFamily: () => undefined, refused: () => [] },
    metrics: createMetrics({ processMetrics: false }),
    config: { apiKeys: [], maxBodyBytes: 1024 },
    version,
  })
  try {
    return format === 'yaml' ? apiDocumentYaml(app) : apiDocumentJson(app)
  } finally {
    await app.close()
  }
}
