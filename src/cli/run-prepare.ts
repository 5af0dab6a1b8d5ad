import { FamilyNotFound, InvalidConfiguration } from '../errors.js'
import type { TierManifest } from '../family/family-schema.js'
import { listFamilies } from '../family/list-families.js'
import type { Family } from '../family/load-family.js'
import { PROVIDERS, type Provider } from '../onnx/providers.js'
import { openVariant, type VariantSession } from '../onnx/variants/open-variant.js'
import { recordQuality, type VariantQuality, variantKey } from '../onnx/variants/variant-cache.js'
import { qualityFault } from '../onnx/variants/variant-quality.js'
import { variantTexts } from '../serving/variant-texts.js'
import type { LabelledTexts } from './measure-variant.js'
import { threadsOption } from './threads-option.js'

export interface PrepareFlags {
  readonly models: string
  readonly family?: string
  readonly provider: string
  readonly cache: string
  readonly data?: string
  readonly textColumn?: string
  readonly labelColumn?: string
  readonly labelMap?: string
  readonly threads?: string
  readonly json?: boolean
}

interface PreparedTier {
  readonly family: string
  readonly tier: string
  readonly variant: string
  readonly from: string
  readonly max_probability_difference?: number
  readonly quality?: VariantQuality
  readonly refused: VariantSession['refused']
}

/** @throws FamilyNotFound; InvalidConfiguration when the provider is none, or the cache cannot be written */
export async function runPrepare(flags: PrepareFlags): Promise<void> {
  const provider = PROVIDERS.find((name) => name === flags.provider)
  if (!provider) throw new InvalidConfiguration('--provider', `give one of ${PROVIDERS.join(', ')}`)
  const prepared: PreparedTier[] = []
  for (const family of await chosenFamilies(flags)) {
    const labelled = flags.data === undefined ? undefined : await labelledTexts(family, flags, flags.data)
    for (const tier of family.manifest.tiers) {
      const line = await prepareTier(family, tier, provider, flags, labelled)
      prepared.push(line)
      if (!flags.json) process.stdout.write(`${describe(line)}\n`)
    }
  }
  if (flags.json) console.log(JSON.stringify({ cache: flags.cache, tiers: prepared }, null, 2))
}

async function chosenFamilies({ models, family: name }: PrepareFlags): Promise<readonly Family[]> {
  const { families, broken } = await listFamilies(models, { verify: 'hashes' })
  for (const { name: folder, reason } of broken) process.stderr.write(`WARNING ${folder}: ${reason}\n`)
  if (name === undefined) return families
  const found = families.filter(({ manifest }) => manifest.name === name)
  if (found.length > 0) return found
  throw new FamilyNotFound(name, families.map(({ manifest }) => manifest.name).join(', ') || '(none)')
}

async function labelledTexts(family: Family, flags: PrepareFlags, file: string): Promise<LabelledTexts> {
  const { readLabelledTexts } = await import('./measure-variant.js')
  const { textColumn = '', labelColumn = '', labelMap } = flags
  return readLabelledTexts(family, file, { textColumn, labelColumn, labelMap })
}

async function prepareTier(
  family: Family,
  tier: TierManifest,
  provider: Provider,
  flags: PrepareFlags,
  labelled: LabelledTexts | undefined,
): Promise<PreparedTier> {
  const options = { provider, ...threadsOption(flags) }
  for (;;) {
    const session = await openVariant(family, tier.tier, {
      ...options,
      variant: 'auto',
      cacheDir: flags.cache,
      checkedOn: () => variantTexts(family),
    })
    try {
      const { variant, from, entry, refused, cacheFault } = session
      if (cacheFault !== undefined) throw new InvalidConfiguration('--cache', `it cannot be written (${cacheFault})`)
      const maxProbabilityDifference = entry?.check?.maxProbabilityDifference
      const line = {
        ...{ family: family.manifest.name, tier: tier.tier, variant, from, refused },
        ...(maxProbabilityDifference !== undefined && { max_probability_difference: maxProbabilityDifference }),
      }
      if (variant === 'portable') return line
      if (!labelled) return { ...line, ...(entry?.quality && { quality: entry.quality }) }
      const { measureVariant } = await import('./measure-variant.js')
      const quality = await measureVariant(family, tier, session, labelled, options)
      const fault = qualityFault(quality)
      await recordQuality(flags.cache, variantKey(family.manifest, tier, variant, provider), quality, fault)
      if (fault === undefined) return { ...line, quality }
      // refused now: the next best is tried
    } finally {
      await session.release()
    }
  }
}

function describe({ family, tier, variant, from, quality, refused, ...line }: PreparedTier): string {
  const notes = refused.map((other) => `${other.variant} is not used: ${other.reason}`)
  const difference = line.max_probability_difference
  if (difference !== undefined)
    notes.unshift(`probabilities within ${difference.toPrecision(2)} of the portable model's`)
  if (quality) {
    const { portable, variant: own, texts } = quality
    const change = (name: 'accuracy' | 'auc') => `${portable[name].toFixed(4)} to ${own[name].toFixed(4)}`
    notes.push(`on ${texts} labelled texts accuracy ${change('accuracy')}, AUC ${change('auc')}`)
  }
  const head = `${family}/${tier}: ${variant}${from === 'file' ? '' : `, ${from === 'built' ? 'built' : 'was there'}`}`
  return [head, ...notes].join('; ')
}
