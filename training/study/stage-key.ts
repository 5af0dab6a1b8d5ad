import { createHash } from 'node:crypto'

/**
 * The content key of something that settings decide: equal settings, whatever the order of their keys, give equal keys.
 * Settings that are undefined count as absent.
 * @param settings plain JSON
 * @returns 24 lower-case hex digits of a SHA-256
 */
export function contentKey(settings: unknown): string {
  return createHash('sha256').update(canonicalJson(settings)).digest('hex').slice(0, 24)
}

/** JSON with the keys of every object sorted. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`)
    .join()}}`
}
