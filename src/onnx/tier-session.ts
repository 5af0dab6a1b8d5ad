import { TierNotFound } from '../errors.js'
import type { TierName } from '../family/family-schema.js'
import { type Family, tierPaths } from '../family/load-family.js'
import { type EncoderSession, openEncoder, type SessionOptions } from './encoder-session.js'

/** A tier, open and ready to run. */
export interface TierSession extends EncoderSession {
  readonly tier: TierName
}

/**
 * Opens a tier of a loaded family.
 * @throws TierNotFound; ProviderUnavailable when the provider asked for cannot run it here
 */
export async function openTier(family: Family, tier: TierName, options: SessionOptions): Promise<TierSession> {
  const { manifest } = family
  const found = manifest.tiers.find((candidate) => candidate.tier === tier)
  if (!found) throw new TierNotFound(tier, manifest.name, manifest.tiers.map((candidate) => candidate.tier).join(', '))
  const session = await openEncoder(tierPaths(family, tier).model, found.config, options)
  return { ...session, tier }
}
