import { placementLine } from '../host/placement.js'
import type { RunDescription } from '../serving/serve-result.js'

/** A line for tables: from where the load came, and what its requests were. */
export function runLine({ placement, options }: Pick<RunDescription, 'placement' | 'options'>): string {
  const { textsPerRequest } = options
  return `${placementLine(placement)}${textsPerRequest > 1 ? `; ${textsPerRequest} texts a request` : ''}`
}
