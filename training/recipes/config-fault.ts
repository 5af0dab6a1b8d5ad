/** What is wrong with a configuration, in words: the key, what it may be, and for an unknown key the nearest that there is. */
import { distance } from 'fastest-levenshtein'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'

type Schema = { readonly properties?: object; readonly items?: unknown; readonly anyOf?: unknown } & object
type Fault = ReturnType<typeof Value.Errors>[number]

/** @returns one sentence about the first fault, an unknown key before any other, `key.path: …`; undefined when the value fits the schema */
export function configFault(schema: TSchema, value: unknown): string | undefined {
  const faults = Value.Errors(schema, value)
  // a misspelt key is the reason why another is missing
  const fault = faults.find(({ keyword }) => keyword === 'boolean') ?? faults[0]
  if (!fault) return undefined
  const path = fault.instancePath.split('/').slice(1)
  const where = path.length === 0 ? 'the configuration' : path.join('.')
  if (fault.keyword === 'boolean') return `${where}: unknown key; ${otherKeys(schema, path)}`
  const choices = literals(faults.filter(({ instancePath }) => instancePath === fault.instancePath))
  return choices === undefined ? `${where}: ${fault.message}` : `${where}: must be ${choices}`
}

/** @returns a key's nearest neighbour where it is near enough to be a slip, else every key that there is */
function otherKeys(schema: TSchema, path: readonly string[]): string {
  const key = path.at(-1)!
  const known = path
    .slice(0, -1)
    .reduce<Schema[]>((schemas, step) => schemas.flatMap((parent) => childSchemas(parent, step)), alternatives(schema))
    .flatMap(({ properties = {} }) => Object.keys(properties))
  return nearest(key, known) ?? `there are ${known.join(', ')}`
}

/** @returns `did you mean "…"?`, or undefined when no name differs from the word by a third of its letters or less */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const mistakes = Math.max(1, Math.floor(word.length / 3))
  const ranked = names.map((name) => ({ name, edits: distance(word, name) })).toSorted((a, b) => a.edits - b.edits)
  const best = ranked[0]
  return best && best.edits <= mistakes ? `did you mean "${best.name}"?` : undefined
}

function childSchemas(schema: Schema, step: string): Schema[] {
  const { properties = {}, items } = schema as { properties?: Record<string, unknown>; items?: unknown }
  const child = Object.hasOwn(properties, step) ? properties[step] : items
  return child === undefined ? [] : alternatives(child as Schema)
}

function alternatives(schema: Schema): Schema[] {
  const { anyOf } = schema as { anyOf?: Schema[] }
  return anyOf ? anyOf.flatMap(alternatives) : [schema]
}

/** A union of literals fails once a literal, "must be equal to constant": say which there are instead. */
function literals(faults: readonly Fault[]): string | undefined {
  const values = faults.flatMap(({ keyword, params }) =>
    keyword === 'const' ? [String((params as { allowedValue: unknown }).allowedValue)] : [],
  )
  if (values.length === 0) return undefined
  const types = faults.flatMap(({ keyword, params }) =>
    keyword === 'type' ? [`a ${String((params as { type: unknown }).type).replace('array', 'list')}`] : [],
  )
  return [...values, ...types].join(' | ')
}
