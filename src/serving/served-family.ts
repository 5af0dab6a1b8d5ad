/** What is known of a family while it is served: its texts' tokens, and each tier's state and latency. */
import { type EncoderConfig, isOneLayer } from '../family/encoder-config.js'
import type { TierName } from '../family/family-schema.js'
import type { Family } from '../family/load-family.js'
import type { VariantName } from '../onnx/variants/variant-names.js'
import { definitionHash } from '../tokenizer/shared-tokenizer.js'
import type { TextTokenizer } from '../tokenizer/text-tokenizer.js'
import { LabelSet } from './calibrated-prediction.js'
import { CompletionModel, SharedPromises } from './completion-model.js'
import type { TierFailed, TierLoaded } from './engine-protocol.js'
import { LatencyModel } from './latency-model.js'
import { Neglect } from './neglect.js'
import type { RunWidth } from './run-width.js'
import type { FamilyStatus, LatencyPoint } from './types.js'
import { tokenBuckets } from './warm-up.js'

export interface ServedTier {
  readonly tier: TierName
  readonly config: EncoderConfig
  /** logits are divided by it */
  readonly temperature: number
  completion: CompletionModel
  readonly neglect: Neglect
  /** undefined until the tier has been loaded and timed once; what it has learnt outlives an engine */
  latency: LatencyModel | undefined
  /** of narrow runs; undefined where they are the same */
  narrowLatency: LatencyModel | undefined
  provider: string | undefined
  /** the form of the model that runs */
  variant: VariantName | undefined
  /** why it could not be loaded */
  failure: string | undefined
}

/** @returns why a tier's engines cannot be kept running; undefined when they can */
export type Outage = (tier: TierName) => string | undefined

export class ServedFamily {
  readonly family: Family
  readonly tokenizer: TextTokenizer
  /** of its definition */
  readonly tokenizerHash: string
  readonly labels: LabelSet
  /** most accurate first */
  readonly tiers: readonly ServedTier[]

  constructor(family: Family, tokenizer: TextTokenizer) {
    this.family = family
    this.tokenizer = tokenizer
    this.tokenizerHash = definitionHash(tokenizer.definition)
    this.labels = new LabelSet(family.manifest.labels)
    this.tiers = family.manifest.tiers.map(({ tier, config, calibration }) => ({
      ...{ tier, config },
      temperature: calibration.temperature,
      completion: new CompletionModel(),
      neglect: new Neglect(),
      latency: undefined,
      narrowLatency: undefined,
      provider: undefined,
      variant: undefined,
      failure: undefined,
    }))
  }

  /** What answers teach is shared by the tiers of one lane. @param laneOf the same for tiers that run on the same engines */
  shareWithin(laneOf: (tier: TierName) => unknown): void {
    const shared = new Map<unknown, SharedPromises>()
    for (const served of this.tiers) {
      const lane = laneOf(served.tier)
      const promises = shared.get(lane) ?? new SharedPromises()
      shared.set(lane, promises)
      served.completion = new CompletionModel(promises)
    }
  }

  get name(): string {
    return this.family.manifest.name
  }

  get ready(): boolean {
    return this.tiers.every(isReady)
  }

  tier(name: TierName): ServedTier | undefined {
    return this.tiers.find(({ tier }) => tier === name)
  }

  /** @returns whether this made the tier ready, which happens once */
  loaded({ tier, provider, variant, profiles: { wide, narrow } }: TierLoaded): boolean {
    const served = this.tier(tier)
    if (!served) return false
    const first = served.latency === undefined && wide !== undefined
    if (wide) served.latency ??= new LatencyModel(wide)
    if (narrow) served.narrowLatency ??= new LatencyModel(narrow)
    served.provider = provider
    served.variant = variant
    served.failure = undefined
    return first
  }

  failed({ tier, code, message }: TierFailed): void {
    const served = this.tier(tier)
    if (served) served.failure = `${code}: ${message}`
  }

  /**
   * A sentence for each tier that cannot answer; empty when all can.
   * @param among the tiers that are asked about; default: all
   */
  reasons(outage: Outage = () => undefined, among?: readonly TierName[]): string[] {
    const tiers = this.tiers.filter(({ tier }) => among?.includes(tier) ?? true)
    return tiers.flatMap((served) => {
      const reason =
        outage(served.tier) ?? served.failure ?? (served.latency ? undefined : 'is being loaded and warmed up')
      return reason === undefined ? [] : [`family "${this.name}", tier "${served.tier}": ${reason}`]
    })
  }

  status(outage: Outage = () => undefined): FamilyStatus {
    const reasons = this.reasons(outage)
    return {
      family: this.name,
      version: this.family.version,
      ready: reasons.length === 0,
      reasons,
      tiers: this.tiers.map((tier) => ({
        tier: tier.tier,
        ready: isReady(tier) && outage(tier.tier) === undefined,
        provider: tier.provider ?? 'none',
        variant: tier.variant ?? 'none',
        latencyProfile: this.#profile(tier),
      })),
    }
  }

  #profile({ latency }: ServedTier): LatencyPoint[] {
    if (!latency) return []
    return tokenBuckets(this.family.manifest.maxTokens).map((tokens) => ({
      tokens,
      predictedMs: latency.predict(tokens, 1),
    }))
  }
}

export function isReady({ latency, failure }: ServedTier): boolean {
  return latency !== undefined && failure === undefined
}

/** A tier was weighed and another one chosen, which may make what is known of its times too old. */
export function passOver({ neglect, latency, narrowLatency, completion }: ServedTier, nowMs: number): void {
  completion.passedOver(nowMs)
  if (!neglect.passedOver(nowMs)) return
  latency?.forget()
  narrowLatency?.forget()
  completion.forget()
}

/** @returns what is known of the times of a tier that has been loaded */
export function latencyOf({ latency, narrowLatency }: ServedTier, width: RunWidth): LatencyModel {
  return (width === 'narrow' && narrowLatency) || latency!
}

/**
 * Whether a batch of the tier costs what its real tokens do: so it is of every variant but the portable file, and that of one layer on
 * CPUs. Attention pads all the same but on CUDA, which only WebGPU's large batches feel: the scores of a long text among many short
 * ones would not fit its buffers.
 */
export function runsPacked({
  variant,
  provider,
  config,
}: Pick<ServedTier, 'variant' | 'provider' | 'config'>): boolean {
  if (variant === undefined || variant === 'portable' || provider === 'webgpu') return false
  return !(provider === 'cpu' && isOneLayer(config))
}
