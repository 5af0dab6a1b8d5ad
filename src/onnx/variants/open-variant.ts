/** Opens a tier in the quickest form that this provider runs and that answers as the portable model does. */
import { TierNotFound } from '../../errors.js'
import type { FamilyManifest, TierManifest, TierName } from '../../family/family-schema.js'
import { type Family, tierPaths } from '../../family/load-family.js'
import type { HostTensors } from '../../family/tensor.js'
import { type EncoderSession, openEncoder, type SessionOptions, type TokenSequence } from '../encoder-session.js'
import { firstLine } from '../providers.js'
import { readWeights } from '../read-weights.js'
import type { TierSession } from '../tier-session.js'
import { lockBuild } from './build-lock.js'
import { deriveVariant } from './derive-variant.js'
import { readCachedVariant, type VariantEntry, variantKey, variantLock, writeCachedVariant } from './variant-cache.js'
import { compareVariant, variantFault } from './variant-check.js'
import { type DerivedVariant, type RequestedVariant, type VariantName, variantsToTry } from './variant-names.js'

export interface VariantOptions extends SessionOptions {
  readonly variant: RequestedVariant
  /** where variants are kept; undefined: nowhere, they are built in memory at every start */
  readonly cacheDir?: string | undefined
  /** @returns sequences that a new variant is checked on, as the family's tokenizer makes them; asked for only where one is */
  checkedOn(): Promise<readonly TokenSequence[]>
}

export interface VariantSession extends TierSession {
  readonly variant: VariantName
  /** `file` for the portable model */
  readonly from: 'file' | 'cache' | 'built'
  /** of the variant that runs; undefined for the portable model */
  readonly entry: VariantEntry | undefined
  /** those that would have been quicker, and why they are not used */
  readonly refused: readonly { readonly variant: DerivedVariant; readonly reason: string }[]
  /** why the cache could not be written; undefined when it was, or need not be */
  readonly cacheFault: string | undefined
}

/**
 * @throws TierNotFound; ProviderUnavailable when the provider asked for cannot run the tier here; FamilyInvalid when the
 *   CPU cannot load the portable model
 */
export async function openVariant(family: Family, tier: TierName, options: VariantOptions): Promise<VariantSession> {
  const { manifest } = family
  const found = manifest.tiers.find((candidate) => candidate.tier === tier)
  if (!found) throw new TierNotFound(tier, manifest.name, manifest.tiers.map((candidate) => candidate.tier).join(', '))
  const refused: { variant: DerivedVariant; reason: string }[] = []
  const model = new TierModel(family, found, options)
  let cacheFault: string | undefined
  try {
    const planned = variantsToTry(options.provider, options.variant)
    if (options.variant !== 'auto' && options.variant !== 'portable' && !planned.includes(options.variant)) {
      refused.push({ variant: options.variant, reason: `there is none for provider ${options.provider}` })
    }
    for (const variant of planned) {
      if (variant === 'portable') break
      const attempt = await tryVariant(model, variant, options)
      cacheFault ??= attempt.cacheFault
      const { session, from, entry } = attempt
      if (session) return { ...session, tier, variant, from, entry, refused, cacheFault }
      refused.push({ variant, reason: entry.refused ?? 'it cannot be used' })
    }
    const session = await model.keepPortable()
    return { ...session, tier, variant: 'portable', from: 'file', entry: undefined, refused, cacheFault }
  } finally {
    await model.release()
  }
}

interface Attempt {
  /** undefined: refused, the entry says why */
  readonly session?: EncoderSession
  readonly from: 'cache' | 'built'
  readonly entry: VariantEntry
  readonly cacheFault?: string
}

async function tryVariant(model: TierModel, variant: DerivedVariant, options: VariantOptions): Promise<Attempt> {
  const { cacheDir } = options
  if (cacheDir === undefined) return { ...(await buildVariant(model, variant, options)), from: 'built' }
  const key = variantKey(model.family, model.tier, variant, options.provider)
  const cached = await openCached(model, cacheDir, key, options)
  if (cached) return cached
  const release = await lockBuild(variantLock(cacheDir, key))
  try {
    // another engine may have built it meanwhile
    return (await openCached(model, cacheDir, key, options)) ?? (await buildAndKeep(model, variant, options, cacheDir))
  } finally {
    await release()
  }
}

async function openCached(
  { tier }: TierModel,
  cacheDir: string,
  key: string,
  options: SessionOptions,
): Promise<Attempt | undefined> {
  const cached = await readCachedVariant(cacheDir, key)
  if (!cached) return undefined
  const { entry, modelFile } = cached
  if (modelFile === undefined) return { from: 'cache', entry }
  return { session: await openEncoder(modelFile, tier.config, options), from: 'cache', entry }
}

async function buildAndKeep(
  model: TierModel,
  variant: DerivedVariant,
  options: VariantOptions,
  cacheDir: string,
): Promise<Attempt> {
  const { session, bytes, entry, lasting } = await buildVariant(model, variant, options)
  const attempt: Attempt = { ...(session && { session }), from: 'built', entry }
  if (!lasting) return attempt
  try {
    const key = variantKey(model.family, model.tier, variant, options.provider)
    await writeCachedVariant(cacheDir, key, entry, bytes)
    if (session === undefined || options.provider !== 'cpu') return attempt
    // what is kept shares its weights with other processes; what was built does not
    const kept = await openCached(model, cacheDir, key, options)
    if (kept?.session === undefined) return attempt
    await session.release()
    return { ...kept, from: 'built' }
  } catch (error) {
    return { ...attempt, cacheFault: (error as Error).message }
  }
}

interface Built {
  readonly session?: EncoderSession
  readonly bytes?: Uint8Array
  readonly entry: VariantEntry
  /** whether the next start would find the same: not where something failed that may not fail again */
  readonly lasting: boolean
}

async function buildVariant(model: TierModel, variant: DerivedVariant, options: VariantOptions): Promise<Built> {
  const { config, precision, calibration } = model.tier
  const portable = await model.portable()
  const sequences = await options.checkedOn()
  const { provider } = options
  // every sequence begins with [CLS]
  const clsId = sequences[0]!.inputIds[0]!
  const bytes = deriveVariant({ provider, variant, config, precision, clsId, weights: await model.weights() })
  let session: EncoderSession | undefined
  try {
    session = await openEncoder(bytes, config, options)
    const check = await compareVariant(session, portable, sequences, calibration.temperature)
    const refused = variantFault(variant, check)
    if (refused === undefined) return { session, bytes, entry: { variant, check }, lasting: true }
    await session.release()
    // JSON has no NaN, and a reason says enough
    return { entry: { variant, refused }, lasting: true }
  } catch (error) {
    await session?.release()
    return { entry: { variant, refused: `it cannot run here: ${firstLine(error)}` }, lasting: false }
  }
}

/** A tier's portable model and weights, read when first asked for. */
class TierModel {
  readonly family: FamilyManifest
  readonly tier: TierManifest
  readonly #file: string
  readonly #options: SessionOptions
  #portable: EncoderSession | undefined
  #weights: HostTensors | undefined

  constructor(family: Family, tier: TierManifest, options: SessionOptions) {
    this.family = family.manifest
    this.tier = tier
    this.#file = tierPaths(family, tier.tier).model
    this.#options = options
  }

  async portable(): Promise<EncoderSession> {
    this.#portable ??= await openEncoder(this.#file, this.tier.config, this.#options)
    return this.#portable
  }

  /** @returns the portable session, which is now the caller's to release */
  async keepPortable(): Promise<EncoderSession> {
    const session = await this.portable()
    this.#portable = undefined
    return session
  }

  async weights(): Promise<HostTensors> {
    this.#weights ??= await readWeights(this.#file, this.tier.config)
    return this.#weights
  }

  async release(): Promise<void> {
    await this.#portable?.release()
  }
}
