import { NotReady } from '../../src/errors.js'
import type { TierName } from '../../src/family/family-schema.js'
import { VARIANTS, type VariantName } from '../../src/onnx/variants/variant-names.js'

/**
 * @returns the form of a tier that a running server says it runs
 * @throws NotReady when it says none that is known here
 */
export async function servedVariant(origin: string, family: string, tier: TierName): Promise<VariantName> {
  const response = await fetch(`${origin}/v1/families/${encodeURIComponent(family)}`)
  const { tiers } = (await response.json()) as { tiers?: { tier: string; variant?: string }[] }
  const said = tiers?.find((one) => one.tier === tier)?.variant
  const variant = VARIANTS.find((name) => name === said)
  if (!variant)
    throw new NotReady(`the server says that tier "${tier}" runs as "${said}", which the bench does not know`)
  return variant
}
