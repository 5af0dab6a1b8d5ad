import type { FastifyRequest } from 'fastify'
import { TierNotFound } from '../../errors.js'
import type { Classifier } from '../../serving/types.js'
import type { App, AppDependencies } from '../app-types.js'
import { contractError } from '../problem-answers.js'
import { problemResponses } from '../problem-schemas.js'
import type { SchemaViolationError } from '../schema-violations.js'
import { predictAnswer, predictHeaders } from './predict-answer.js'
import { classifyRequest } from './predict-request.js'
import { PREDICT_RESPONSE_HEADERS, PredictAnswer, PredictBody, PredictHeaders } from './predict-schema.js'

/** POST /v1/predict */
export function addPredict(app: App, { classifier, metrics, config }: AppDependencies): void {
  app.post(
    '/v1/predict',
    {
      schema: {
        operationId: 'predict',
        summary: 'Classify one text or several, within a latency budget',
        tags: ['predict'],
        body: PredictBody,
        headers: PredictHeaders,
        response: {
          200: { ...PredictAnswer, description: 'One prediction a text, in order', headers: PREDICT_RESPONSE_HEADERS },
          ...problemResponses(400, 401, 404, 413, 415, 422, 429, 500, 503, 504),
        },
      },
      config: { refusedWhileDraining: true, ...(config.rateLimitPerMinute !== undefined && { rateLimit: {} }) },
      // a tier that does not exist is told apart from other violations below
      attachValidation: true,
      onError: async (request, _reply, error) => {
        if (request.reachedClassifier) return
        const { code = 'INTERNAL' } = contractError(error, request, config.maxBodyBytes) as { code?: string }
        metrics.http.rejected(code)
      },
    },
    async (request, reply) => {
      if (request.validationError)
        throw unknownTier(request, classifier, config.defaultFamily) ?? request.validationError
      const asked = classifyRequest(request.body, request.headers, {
        arrivalMs: request.arrivalMs,
        signal: request.callerGone,
      })
      request.reachedClassifier = true
      const result = await classifier.classify(asked)
      reply.headers(predictHeaders(result))
      return predictAnswer(result)
    },
  )
}

/** @returns TierNotFound when the request's only fault is a tier that no family has */
function unknownTier(request: FastifyRequest, classifier: Classifier, defaultFamily: string | undefined) {
  const { violations, keywords } = request.validationError as unknown as SchemaViolationError
  const [violation] = violations
  if (violation === undefined || violations.length > 1 || keywords[0] !== 'enum') return undefined
  const body = request.body as Partial<PredictBody> | undefined
  const tier =
    violation.pointer === '/tier' ? body?.tier : violation.pointer === '/x-tier' ? request.headers['x-tier'] : undefined
  // a name is repeated, a text that was sent as one is not
  if (typeof tier !== 'string' || !/^[A-Za-z0-9._-]{1,32}$/.test(tier)) return undefined
  const name = request.headers['x-family'] ?? body?.family ?? defaultFamily
  const family = classifier.families().find((status) => status.family === name)
  if (family === undefined) return undefined
  return new TierNotFound(tier, family.family, ['auto', ...family.tiers.map((one) => one.tier)].join(', '))
}
