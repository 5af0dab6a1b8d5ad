/** Makes every error of the server a problem answer, whoever raised it: a route, Fastify, or Node's HTTP parser. */
import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import {
  InvalidRequest,
  isLextierError,
  NotFound,
  PayloadTooLarge,
  RequestAborted,
  UnsupportedMediaType,
} from '../errors.js'
import type { App } from './app-types.js'
import { PROBLEM_TYPE, problemOf } from './problem.js'

/**
 * Sets the error and not-found handlers.
 * @param wayOut where to look for what there is, for whoever asks for something else
 */
export function addProblemAnswers(app: App, maxBodyBytes: number, wayOut = 'see /docs'): void {
  app.setErrorHandler((error, request, reply) =>
    answerProblem(contractError(error, request, maxBodyBytes), request, reply),
  )
  app.setNotFoundHandler((request, reply) => {
    const path = (request.raw.url ?? '').split('?', 1)[0] ?? ''
    return answerProblem(new NotFound(request.method, path.slice(0, 100), wayOut), request, reply)
  })
}

export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { problem, retryAfterSeconds } = problemOf(error, request.id)
  if (problem.status >= 500 && problem.status !== 503 && problem.status !== 504) {
    request.log.error({ err: error }, 'request failed')
  }
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  return reply.code(problem.status).type(PROBLEM_TYPE).send(problem)
}

/** For Fastify's `frameworkErrors`: faults found before a route was. Its replies have no serializer of ours yet. */
export function answerFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const { problem } = problemOf(new InvalidRequest('the URL is not valid; see /docs'), request.id)
  request.log.info({ code: error.code, status: problem.status }, 'request')
  reply.code(problem.status).header('x-request-id', request.id).type(PROBLEM_TYPE).send(JSON.stringify(problem))
}

/** @returns the bytes of an answer to what is not HTTP, for a socket whose request was never parsed */
export function clientErrorAnswer(nodeCode: string | undefined, requestId: string): string {
  const [status, detail] =
    nodeCode === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'the request did not arrive in time']
      : nodeCode === 'HPE_HEADER_OVERFLOW'
        ? [431, 'the headers are too large']
        : [400, 'this is not a valid HTTP request']
  const title = STATUS_CODES[status] as string
  const code = 'INVALID_REQUEST'
  const body = JSON.stringify({ type: `/docs#${code}`, title, status, detail, code, request_id: requestId })
  return [
    `HTTP/1.1 ${status} ${title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}

/** @returns the error of src/errors.ts that an error of Fastify's stands for; any other error as it is */
export function contractError(error: unknown, request: FastifyRequest, maxBodyBytes: number): unknown {
  // a body that breaks off is a caller that left
  if (request.callerGone.aborted && (error as { code?: string }).code === 'ECONNRESET') return new RequestAborted()
  if (!isLextierError(error)) return error
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new PayloadTooLarge(
        `the body is larger than ${maxBodyBytes} bytes, which is all this server reads; send fewer or shorter texts`,
      )
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new UnsupportedMediaType((request.headers['content-type'] ?? '(none)').slice(0, 100))
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new InvalidRequest('the body is not as long as its Content-Length says')
    default:
      // what else Fastify finds wrong with a request is the caller's to repair; its own sentences may quote the request
      return error.code.startsWith('FST_') && (error.statusCode ?? 500) < 500
        ? new InvalidRequest(`the request cannot be read (${error.code}); see /docs`)
        : error
  }
}
