import type { TierName } from '../family/family-schema.js'
import type { TierKey } from './engine-protocol.js'

/**
 * A value for each tier of each family. A map of maps: a request asks a dozen times, and a joined key would be made and hashed anew
 * for each.
 */
export class TierMap<V> {
  readonly #families = new Map<string, Map<TierName, V>>()
  readonly #values: V[] = []

  get({ family, tier }: TierKey): V | undefined {
    return this.#families.get(family)?.get(tier)
  }

  /** A tier keeps its first value. @returns it */
  add({ family, tier }: TierKey, value: V): V {
    const tiers = this.#families.get(family) ?? new Map<TierName, V>()
    this.#families.set(family, tiers)
    const known = tiers.get(tier)
    if (known !== undefined) return known
    tiers.set(tier, value)
    this.#values.push(value)
    return value
  }

  /** in the order in which they came */
  get values(): readonly V[] {
    return this.#values
  }
}
