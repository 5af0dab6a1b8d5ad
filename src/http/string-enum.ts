import { Type } from 'typebox'

/** A closed set of strings, with the `type` that generators of API clients look for. */
export function stringEnum<const T extends string>(values: readonly T[], options: object = {}) {
  return Type.Unsafe<T>({ type: 'string', enum: [...values], ...options })
}
