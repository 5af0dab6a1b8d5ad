import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App, AppDependencies } from '../app-types.js'
import { limitBodies, StreamShares } from '../body-budget.js'
import type { Draining } from '../draining.js'
import { refuseEarly } from '../early-refusal.js'
import { contractError } from '../problem-answers.js'
import { problemResponses } from '../problem-schemas.js'
import { lineLimit, requestLimit } from '../rate-limit.js'
import { createRequestValidator } from '../request-validation.js'
import type { SchemaViolationError } from '../schema-violations.js'
import { predictAnswer, predictHeaders } from './predict-answer.js'
import { classifyRequest } from './predict-request.js'
import {
  PREDICT_RESPONSE_HEADERS,
  PredictAnswer,
  PredictAnswerLines,
  PredictBody,
  PredictHeaders,
  PredictLines,
} from './predict-schema.js'
import { NDJSON_TYPE, predictStream, sendsLines } from './predict-stream.js'
import { unknownTier } from './unknown-tier.js'

export const PREDICT_PATH = '/v1/predict'

/** POST /v1/predict */
export function addPredict(
  app: App,
  { classifier, catalogue, metrics, config }: AppDependencies,
  draining: Draining,
): void {
  const faultOf = (body: unknown, headers: FastifyRequest['headers'], fault: SchemaViolationError) =>
    unknownTier({ body, headers, fault }, classifier.families(), catalogue.defaultFamily()) ?? fault
  const checkLine = createRequestValidator()({ schema: PredictBody, httpPart: 'body', method: 'POST', url: '' })
  const admitLine = lineLimit(app)
  const shares = new StreamShares(config.maxBodyBytes)

  const answerLines = (request: FastifyRequest, reply: FastifyReply, body: Readable): FastifyReply => {
    const { callerGone: signal } = request
    shares.opened(reply.raw)
    const headers = request.headers as PredictHeaders
    const answers = predictStream(request, body, {
      ask: async (bytes) => {
        const parsed = await app.parseJson(bytes)
        const { error } = checkLine(parsed) as { error?: SchemaViolationError }
        if (error) throw faultOf(parsed, request.headers, error)
        return classifyRequest(parsed as PredictBody, headers, { arrivalMs: performance.now(), signal })
      },
      classify: (asked) => classifier.classify(asked),
      admit: () => admitLine(request),
      refused: (reason) => metrics.http.rejected(reason),
      draining,
      maxBytes: config.maxBodyBytes,
      maxBytesInFlight: () => shares.bytes(),
    })
    return reply.type(NDJSON_TYPE).send(answers)
  }

  app.post(
    PREDICT_PATH,
    {
      schema: {
        operationId: 'predict',
        summary: 'Classify one text or several, within a latency budget',
        tags: ['predict'],
        body: { content: { 'application/json': { schema: PredictBody }, [NDJSON_TYPE]: { schema: PredictLines } } },
        headers: PredictHeaders,
        response: {
          200: {
            description: 'One prediction a text, in order',
            headers: PREDICT_RESPONSE_HEADERS,
            content: {
              'application/json': { schema: PredictAnswer },
              [NDJSON_TYPE]: { schema: PredictAnswerLines },
            },
          },
          ...problemResponses(400, 401, 404, 413, 415, 422, 429, 500, 503, 504),
        },
      },
      config: { refusedWhileDraining: true },
      onRequest: requestLimit(app),
      // a tier that does not exist is told apart from other violations below
      attachValidation: true,
      preParsing: [refuseEarly(classifier, metrics.http), limitBodies(config.maxBodyBytes, metrics.http)],
      onError: async (request, _reply, error) => {
        if (request.reachedClassifier) return
        const { code = 'INTERNAL' } = contractError(error, request, config.maxBodyBytes) as { code?: string }
        metrics.http.rejected(code)
      },
    },
    async (request, reply) => {
      if (request.validationError) {
        throw faultOf(request.body, request.headers, request.validationError as unknown as SchemaViolationError)
      }
      if (sendsLines(request)) return answerLines(request, reply, request.body as Readable)
      const asked = classifyRequest(request.body as PredictBody, request.headers, {
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
