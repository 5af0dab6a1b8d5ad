/** The codes that HTTP callers may see, and when. Every other error is answered as INTERNAL. */
export const PROBLEM_CODES = {
  INVALID_REQUEST: [400, 'the request breaks the contract; `errors` says where'],
  UNAUTHORIZED: [401, 'this server asks for a key, and none or a wrong one was sent'],
  FAMILY_NOT_FOUND: [404, 'there is no such family; the detail names those there are'],
  TIER_NOT_FOUND: [404, 'the family has no such tier; the detail names those it has'],
  NOT_FOUND: [404, 'there is no such path'],
  METHOD_NOT_ALLOWED: [405, 'the path has other methods; the header Allow lists them'],
  PAYLOAD_TOO_LARGE: [413, 'a text is above 1 MiB, or the body above the limit of the server (8 MiB by default)'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'the body is not application/json in UTF-8, or it is compressed'],
  BUDGET_INFEASIBLE: [
    422,
    'no tier is predicted to meet the budget and the request asked for a refusal; nothing was run',
  ],
  RATE_LIMITED: [429, 'too many requests in a minute; wait for Retry-After seconds'],
  REQUEST_ABORTED: [499, 'the caller closed the connection; never sent, only counted'],
  INTERNAL: [500, 'the server failed; its log has more under the request_id'],
  OVERLOADED: [503, 'the queue is full, or too many large bodies are under way; wait for Retry-After seconds'],
  NOT_READY: [503, 'the family is still being loaded, or cannot be; /health/ready says why'],
  DRAINING: [503, 'the server is shutting down; send the request to another one'],
  DEADLINE_EXCEEDED: [504, 'the budget ran out in the queue; the work was not run'],
} as const satisfies Record<string, readonly [status: number, when: string]>

export type ProblemCode = keyof typeof PROBLEM_CODES

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEM_CODES, code)
}

/** @returns what a status stands for: each of its codes and when it comes */
export function describeStatus(status: number): string {
  return Object.entries(PROBLEM_CODES)
    .filter(([, [of]]) => of === status)
    .map(([code, [, when]]) => `\`${code}\`: ${when}`)
    .join('. ')
}

/** @returns the codes as a Markdown table */
export function problemCodeTable(): string {
  const rows = Object.entries(PROBLEM_CODES).map(([code, [status, when]]) => `| \`${code}\` | ${status} | ${when} |`)
  return ['| code | status | when |', '|---|---|---|', ...rows].join('\n')
}
