import { PROBLEM_SCHEMA_ID, PROBLEM_TYPE } from './problem.js'
import { describeStatus, type PROBLEM_CODES, type ProblemCode } from './problem-codes.js'

type ProblemStatus = (typeof PROBLEM_CODES)[ProblemCode][0]

/** @returns response schemas of problem answers, for a route's `schema.response` */
export function problemResponses(...statuses: ProblemStatus[]) {
  const retry = { 'Retry-After': { type: 'integer', description: 'seconds' } }
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: describeStatus(status),
        ...((status === 429 || status === 503) && { headers: retry }),
        content: { [PROBLEM_TYPE]: { schema: { $ref: `${PROBLEM_SCHEMA_ID}#` } } },
      },
    ]),
  )
}
