import { PROBLEM_SCHEMA_ID, PROBLEM_TYPE } from './problem.js'

const DESCRIPTIONS = {
  400: '`INVALID_REQUEST`: the request breaks the contract; `errors` says where',
  401: '`UNAUTHORIZED`: this server asks for a key',
  404: '`FAMILY_NOT_FOUND`, `TIER_NOT_FOUND` or `NOT_FOUND`',
  405: '`METHOD_NOT_ALLOWED`; the header Allow lists the methods of this path',
  413: '`PAYLOAD_TOO_LARGE`: a text above 1 MiB, or a body above the limit of the server (8 MiB by default)',
  415: '`UNSUPPORTED_MEDIA_TYPE`: send application/json in UTF-8',
  422: '`BUDGET_INFEASIBLE`: no tier is predicted to meet the budget; nothing was run',
  429: '`RATE_LIMITED`: too many requests in a minute; wait for Retry-After seconds',
  500: '`INTERNAL`',
  503: '`OVERLOADED`, `NOT_READY` or `DRAINING`; wait for Retry-After seconds',
  504: '`DEADLINE_EXCEEDED`: the budget ran out in the queue; the work was not run',
} as const

type ProblemStatus = keyof typeof DESCRIPTIONS

/** @returns response schemas of problem answers, for a route's `schema.response` */
export function problemResponses(...statuses: ProblemStatus[]) {
  const retry = { 'Retry-After': { type: 'integer', description: 'seconds' } }
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: DESCRIPTIONS[status],
        ...((status === 429 || status === 503) && { headers: retry }),
        content: { [PROBLEM_TYPE]: { schema: { $ref: `${PROBLEM_SCHEMA_ID}#` } } },
      },
    ]),
  )
}
