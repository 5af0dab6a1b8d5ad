import type { TestContext } from 'node:test'
import type { HttpConfig } from '../../../src/http/app-types.js'
import { type AppOptions, buildApp } from '../../../src/http/build-app.js'
import { createServerLogger } from '../../../src/http/server-logger.js'
import { createMetrics } from '../../../src/metrics/metrics.js'
import { FakeClassifier, MANIFEST, VERSION } from './fake-classifier.js'

/** An app over a fake classifier, closed after the test, with every line of its log at the finest level. */
export async function testApp(
  context: Pick<TestContext, 'after'>,
  config: Partial<HttpConfig> = {},
  options: Pick<AppOptions, 'bodyTimeoutMs'> = {},
) {
  const log: string[] = []
  const logger = createServerLogger('trace', { write: (line: string) => void log.push(line) })
  const classifier = new FakeClassifier()
  const refused: { name: string; reason: string }[] = []
  const metrics = createMetrics({ processMetrics: false })
  const { app, draining } = await buildApp({
    classifier,
    catalogue: {
      families: () => [{ manifest: MANIFEST, version: VERSION }],
      defaultFamily: () => 'outcome',
      refused: () => refused,
    },
    metrics,
    config: { apiKeys: [], maxBodyBytes: 8 * 1024 * 1024, ...config },
    logger,
    version: '0.0.0',
    ...options,
  })
  context.after(() => app.close())
  const predict = (payload: string | Buffer | object, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/v1/predict',
      headers: { 'content-type': 'application/json', ...headers },
      payload: typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
    })
  return { app, draining, classifier, metrics, log, predict, refused }
}
