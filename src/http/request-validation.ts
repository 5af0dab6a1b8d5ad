/** The validator of request schemas: refuses what it does not know, converts nothing but header, path and query strings. */
import { Ajv, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import { type RequestPart, schemaViolationError } from './schema-violations.js'
import { withStringLimits } from './string-limits.js'

const PARTS: Readonly<Record<string, RequestPart>> = {
  body: 'body',
  headers: 'header',
  params: 'path',
  querystring: 'query',
  query: 'query',
}
const MAX_LISTED_ITEMS = 64

/** A Fastify schema compiler over Ajv. Violations come as one InvalidRequest that lists them all. */
export function createRequestValidator(): FastifySchemaCompiler<object> {
  const common = { removeAdditional: false, useDefaults: true, strictTypes: false } as const
  // "Infinity" converts to a number, and Ajv's strict numbers would exempt it from every limit
  const fromText = { coerceTypes: true, strictNumbers: false } as const
  const compilers = {
    json: {
      first: withStringLimits(new Ajv({ ...common })),
      all: withStringLimits(new Ajv({ ...common, allErrors: true })),
    },
    // headers, paths and queries are text on the wire
    text: {
      first: withStringLimits(new Ajv({ ...common, ...fromText })),
      all: withStringLimits(new Ajv({ ...common, ...fromText, allErrors: true })),
    },
  }
  return ({ schema, httpPart }) => {
    const part = PARTS[httpPart ?? 'body'] ?? 'body'
    const { first, all } = part === 'body' ? compilers.json : compilers.text
    const stopAtFirst = first.compile(schema)
    const listAll = all.compile(schema)
    return (input: unknown) => {
      if (stopAtFirst(input)) return { value: input }
      // listing every violation of a huge body would cost time and memory that the body's limit does not bound
      const failed = isSmall(input) ? run(listAll, input) : stopAtFirst
      return { error: schemaViolationError(part, failed.errors ?? stopAtFirst.errors ?? []) }
    }
  }
}

function run(validate: ValidateFunction, input: unknown): ValidateFunction {
  validate(input)
  return validate
}

function isSmall(input: unknown): boolean {
  if (typeof input !== 'object' || input === null) return true
  const values = Object.values(input)
  return (
    values.length <= MAX_LISTED_ITEMS &&
    values.every((value) => !Array.isArray(value) || value.length <= MAX_LISTED_ITEMS)
  )
}
