import { TierNotFound } from '../../errors.js'
import type { FamilyStatus } from '../../serving/types.js'
import type { SchemaViolationError } from '../schema-violations.js'

/** A request that its schema refused. */
export interface RefusedRequest {
  readonly body: unknown
  readonly headers: Readonly<Record<string, unknown>>
  readonly fault: SchemaViolationError
}

/** @returns TierNotFound when the request's only fault is a tier that no family has */
export function unknownTier(
  { body, headers, fault }: RefusedRequest,
  families: readonly FamilyStatus[],
  defaultFamily: string | undefined,
): Error | undefined {
  const { violations, keywords } = fault
  const [violation] = violations
  if (violation === undefined || violations.length > 1 || keywords[0] !== 'enum') return undefined
  const asked = body as { readonly tier?: unknown; readonly family?: unknown } | undefined
  const tier =
    violation.pointer === '/tier' ? asked?.tier : violation.pointer === '/x-tier' ? headers['x-tier'] : undefined
  // a name is repeated, a text that was sent as one is not
  if (typeof tier !== 'string' || !/^[A-Za-z0-9._-]{1,32}$/.test(tier)) return undefined
  const name = headers['x-family'] ?? asked?.family ?? defaultFamily
  const family = families.find((status) => status.family === name)
  if (family === undefined) return undefined
  return new TierNotFound(tier, family.family, ['auto', ...family.tiers.map((one) => one.tier)].join(', '))
}
