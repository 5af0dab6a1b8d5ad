/** Problem details (RFC 9457): the one shape of every error answer. */
import { STATUS_CODES } from 'node:http'
import { type Static, Type } from 'typebox'
import { isLextierError } from '../errors.js'
import { isProblemCode } from './problem-codes.js'
import type { SchemaViolation } from './schema-violations.js'
import { stringEnum } from './string-enum.js'

export const PROBLEM_TYPE = 'application/problem+json'
export const PROBLEM_SCHEMA_ID = 'Problem'

export const ProblemSchema = Type.Object(
  {
    type: Type.String({
      description: 'URI reference that names the kind of problem: `/docs#CODE`; the page has a table of the codes',
    }),
    title: Type.String({ description: 'the HTTP status in words' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'what went wrong and what to do; never holds the texts of the request' }),
    code: Type.String({ description: 'stable name of the problem' }),
    request_id: Type.String({ description: 'as in the header X-Request-Id' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          in: stringEnum(['body', 'header', 'path', 'query']),
          pointer: Type.String({ description: 'JSON pointer (RFC 6901) to the value at fault' }),
          detail: Type.String(),
        }),
        { description: 'one entry a schema violation' },
      ),
    ),
    reasons: Type.Optional(Type.Array(Type.String(), { description: 'why the server is not ready' })),
  },
  {
    $id: PROBLEM_SCHEMA_ID,
    title: 'Problem',
    description: 'Problem details (RFC 9457)',
    examples: [
      {
        type: '/docs#INVALID_REQUEST',
        title: 'Bad Request',
        status: 400,
        detail: 'latency_budget_ms must be > 0',
        code: 'INVALID_REQUEST',
        request_id: '6f1c1c6e-6f2e-4d5a-9a53-0d4c1d3c5a0e',
        errors: [{ in: 'body', pointer: '/latency_budget_ms', detail: 'must be > 0' }],
      },
    ],
  },
)
export type Problem = Static<typeof ProblemSchema>

const RETRY_LATER = new Set([429, 503])

/** The problem of an error, and the seconds after which trying again makes sense. */
export interface ProblemAnswer {
  readonly problem: Problem
  readonly retryAfterSeconds?: number
}

/** @returns what the caller is told about an error; what is not an error of src/errors.ts becomes a bare INTERNAL */
export function problemOf(error: unknown, requestId: string): ProblemAnswer {
  const shown = isLextierError(error) && isProblemCode(error.code)
  const status = shown ? (error.statusCode ?? 500) : 500
  const code = shown ? error.code : 'INTERNAL'
  const { violations, reasons, retryAfterSeconds } = (shown ? error : {}) as {
    violations?: SchemaViolation[]
    reasons?: string[]
    retryAfterSeconds?: number
  }
  return {
    problem: {
      type: `/docs#${code}`,
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: shown ? error.message : 'the server failed to answer; the log has more under this request_id',
      code,
      request_id: requestId,
      ...(violations && { errors: violations }),
      ...(reasons && { reasons }),
    },
    ...(RETRY_LATER.has(status) && { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterSeconds ?? 1)) }),
  }
}
