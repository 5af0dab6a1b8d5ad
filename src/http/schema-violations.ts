/** Turns Ajv's errors into sentences for callers, with JSON pointers (RFC 6901) and without their values. */
import type { ErrorObject } from 'ajv'
import { InvalidRequest, type LextierError } from '../errors.js'

export type RequestPart = 'body' | 'header' | 'path' | 'query'

export interface SchemaViolation {
  readonly in: RequestPart
  /** JSON pointer into that part; '' is the whole of it */
  readonly pointer: string
  readonly detail: string
}

export interface SchemaViolationError extends LextierError {
  readonly violations: readonly SchemaViolation[]
  /** the violated schema keyword of each violation */
  readonly keywords: readonly string[]
}

const MAX_VIOLATIONS = 20
// only names that look like names are repeated: a text sent as a property name is not
const NAME_LIKE = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/

/** @returns one error for all violations, to be thrown or handed to Fastify */
export function schemaViolationError(part: RequestPart, errors: readonly ErrorObject[]): SchemaViolationError {
  // the branches of a oneOf say nothing that the oneOf itself does not say better
  const told = errors
    .filter((error) => !error.schemaPath.includes('/oneOf/'))
    .map((error) => ({ ...describe(part, error), keyword: error.keyword }))
    // a body that is no object is not told which properties it must have as well
    .filter(({ pointer, keyword }, _i, all) => pointer !== '' || keyword === 'type' || !all.some(isNoObject))
    // a value of the wrong type is not told to be outside the enumeration as well
    .filter(({ pointer }, i, all) => pointer === '' || all.findIndex((other) => other.pointer === pointer) === i)
    .slice(0, MAX_VIOLATIONS)
  const violations = told.map(({ keyword: _, ...violation }) => violation)
  const [first] = violations
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more, see errors)` : ''
  const error = new InvalidRequest(`${where(first)} ${first?.detail ?? 'is not valid'}${more}`)
  return Object.assign(error, { violations, keywords: told.map(({ keyword }) => keyword) })
}

function isNoObject({ pointer, keyword }: SchemaViolation & { keyword: string }): boolean {
  return pointer === '' && keyword === 'type'
}

function describe(part: RequestPart, { instancePath, keyword, params, message }: ErrorObject): SchemaViolation {
  const at = (pointer: string, detail: string): SchemaViolation => ({ in: part, pointer, detail })
  switch (keyword) {
    case 'additionalProperties': {
      const name = String(params.additionalProperty)
      return NAME_LIKE.test(name)
        ? at(`${instancePath}/${name}`, 'is not a property of this request; leave it out')
        : at(instancePath, 'has a property that this request does not know; leave it out')
    }
    case 'oneOf':
      return at(instancePath, 'must have exactly one of "text" and "texts"')
    case 'enum':
      return at(instancePath, `must be one of ${(params.allowedValues as unknown[]).join(', ')}`)
    default:
      return at(instancePath, message ?? 'is not valid')
  }
}

function where(violation: SchemaViolation | undefined): string {
  if (violation === undefined || violation.pointer === '') return `the ${violation?.in ?? 'request'}`
  const name = violation.pointer.slice(1)
  return violation.in === 'body' ? name : `${violation.in} ${name}`
}
