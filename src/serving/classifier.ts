/**
 * The façade over everything that serves: texts in, calibrated predictions out.
 *
 *   classify ─ tokenize ─ windows ─ route by predicted completion ─ schedule ─ average windows ─ calibrate ─ answer
 */
import {
  Draining,
  FamilyNotFound,
  InvalidRequest,
  isLextierError,
  NotReady,
  RequestAborted,
  TierNotFound,
  TokenizerChanged,
} from '../errors.js'
import { findGpuDevices } from '../onnx/gpu-devices.js'
import { Answering } from './answering.js'
import type { ClassifierOptions } from './classifier-options.js'
import { type ClassifierSettings, classifierSettings } from './classifier-settings.js'
import { isThrottled } from './cpu-quota.js'
import { planLanes } from './lane-plan.js'
import { Lanes } from './lanes.js'
import { prepareTexts } from './long-text.js'
import { planProviders } from './provider-choice.js'
import { isReady, type Outage, type ServedFamily } from './served-family.js'
import { TextReader } from './text-reader.js'
import type {
  Classifier,
  ClassifyRequest,
  ClassifyResult,
  FamilyStatus,
  Readiness,
  RequestedTier,
  RequestHead,
  TokenizerDefinition,
} from './types.js'

export type { ClassifierOptions } from './classifier-options.js'

/**
 * Starts the engines and returns without waiting for them: until they have loaded and warmed up, `readiness()` says what
 * is missing and requests are refused with NotReady.
 * @throws InvalidConfiguration when the default family is not among the families
 */
export async function createClassifier(options: ClassifierOptions): Promise<Classifier> {
  return new ServingClassifier(classifierSettings(options))
}

/** Several lanes where all engines are on CPUs whose time is not rationed. */
function lanesOf({ families, provider, lanes }: ClassifierSettings) {
  const { candidates } = planProviders(provider, findGpuDevices())
  return planLanes({
    requested: lanes,
    onCpu: candidates.every((candidate) => candidate.provider === 'cpu'),
    throttled: isThrottled(),
    families: families.map(({ family }) => family),
  })
}

const REHEARSAL_ROUNDS = 4
/** of each family */
const REHEARSAL_MS = 300
const REHEARSAL_TEXT = 'the court heard the case and the judgment of the court below was affirmed'

class ServingClassifier implements Classifier {
  readonly #settings: ClassifierSettings
  readonly #families: ReadonlyMap<string, ServedFamily>
  readonly #lanes: Lanes
  readonly #answering: Answering
  readonly #reader: TextReader
  /** undefined until the engines first were warm */
  #rehearsal: Promise<void> | undefined
  #rehearsed = false
  /** accepted and not yet answered */
  #accepted = 0
  /** of these, not yet in the scheduler */
  #preparing = 0
  #draining: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(settings: ClassifierSettings) {
    this.#settings = settings
    this.#families = new Map(settings.families.map((family) => [family.name, family]))
    this.#lanes = new Lanes(settings, this.#families, lanesOf(settings), {
      changed: () => {
        if (this.#lanes.warm) this.#rehearsal ??= this.#rehearse()
      },
    })
    this.#answering = new Answering(this.#lanes, settings.toleratedLate)
    this.#reader = new TextReader(settings.families)
  }

  async classify(request: ClassifyRequest): Promise<ClassifyResult> {
    try {
      if (this.#draining) throw new Draining()
      this.#accepted++
      try {
        const result = await this.#answer(request)
        this.#settings.observer.answered(result)
        return result
      } finally {
        this.#accepted--
        if (this.#accepted === 0) this.#onIdle?.()
      }
    } catch (error) {
      this.#settings.observer.rejected(isLextierError(error) ? error.code : 'INTERNAL')
      throw error
    }
  }

  refusal({ family: name, tier: named, budgetMs, arrivalMs }: RequestHead): Error | undefined {
    const tier = named ?? 'auto'
    const asked = name ?? this.#settings.defaultFamily
    const family = asked === undefined ? undefined : this.#families.get(asked)
    if (this.#draining || !family || (tier !== 'auto' && !family.tier(tier))) return undefined
    const isLimited = named !== undefined && budgetMs !== undefined
    try {
      // where `auto` finds no room, no tier has any
      this.#admit(family, tier, isLimited ? arrivalMs + budgetMs : undefined)
      return undefined
    } catch (overload) {
      try {
        this.#familyOf({ family: family.name, tier })
        return overload as Error
      } catch {
        return undefined // the request is told a better reason
      }
    }
  }

  families(): readonly FamilyStatus[] {
    return this.#settings.families.map((family) => family.status(this.#outageOf(family)))
  }

  tokenizer(family: string): TokenizerDefinition | undefined {
    const served = this.#families.get(family)
    return served && { hash: served.tokenizerHash, definition: served.tokenizer.definition }
  }

  readiness(): Readiness {
    const reasons = this.#settings.broken.map(({ name, reason }) => `family "${name}" cannot be served: ${reason}`)
    for (const family of this.#settings.families) reasons.push(...this.#faultsOf(family))
    reasons.push(...this.#lanes.reasons())
    if (reasons.length === 0 && !this.#rehearsed) reasons.push('the first requests are being rehearsed')
    const draining = this.#draining !== undefined
    if (draining) reasons.unshift('draining')
    return { ready: reasons.length === 0, draining, reasons, starting: !this.#rehearsed && !this.#lanes.hopeless }
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  async #drain(): Promise<void> {
    if (this.#accepted > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    await this.#rehearsal
    await Promise.all([this.#lanes.stop(), this.#reader.close()])
    this.#logAttainment()
  }

  async #answer(request: ClassifyRequest, learn = true): Promise<ClassifyResult> {
    const family = this.#familyOf(request)
    if (request.read && request.read.tokenizer !== family.tokenizerHash) throw new TokenizerChanged()
    if ((request.read?.ids ?? request.texts).length === 0)
      throw new InvalidRequest('there is no text; send at least one')
    const budgetMs = request.budgetMs ?? (request.tier === 'auto' ? this.#settings.defaultBudgetMs : undefined)
    this.#admit(family, request.tier, budgetMs === undefined ? undefined : request.arrivalMs + budgetMs)
    const { prepared, tokenizeMs } = await this.#prepare(family, request)
    if (request.signal?.aborted) throw new RequestAborted()

    const sequences = prepared.length === 1 ? prepared[0]!.sequences : prepared.flatMap((text) => text.sequences)
    return this.#answering.answer({ request, family, budgetMs, prepared, sequences, tokenizeMs, learn })
  }

  /** @throws FamilyNotFound, TierNotFound, NotReady */
  #familyOf({ family: asked, tier }: Pick<ClassifyRequest, 'family' | 'tier'>): ServedFamily {
    const name = asked ?? this.#settings.defaultFamily
    const family = name === undefined ? undefined : this.#families.get(name)
    if (!family) {
      if (this.#settings.broken.some((broken) => broken.name === name)) {
        throw new NotReady(`family "${name}" could not be loaded; /health/ready says why`)
      }
      throw new FamilyNotFound(name ?? '', [...this.#families.keys()].join(', '))
    }
    const candidates = tier === 'auto' ? family.tiers : family.tiers.filter((candidate) => candidate.tier === tier)
    if (candidates.length === 0) {
      throw new TierNotFound(tier, family.name, family.tiers.map((candidate) => candidate.tier).join(', '))
    }
    const outage = this.#outageOf(family)
    const served = candidates.filter((candidate) => outage(candidate.tier) === undefined)
    if (served.length === 0)
      throw new NotReady(`family "${family.name}", tier "${tier}": ${outage(candidates[0]!.tier)}`)
    if (!served.every(isReady)) throw new NotReady(family.reasons()[0] ?? `family "${family.name}" is being loaded`)
    return family
  }

  #outageOf({ name }: ServedFamily): Outage {
    return (tier) => this.#lanes.outage({ family: name, tier })
  }

  /** What keeps the server from being ready: a tier whose engines cannot be kept running does not while others answer. */
  #faultsOf(family: ServedFamily): string[] {
    const routed = this.#lanes.tiersIn(family)
    return routed.length > 0 ? family.reasons(undefined, routed) : family.reasons(this.#outageOf(family))
  }

  /** A full queue refuses at once: reading texts for it would take the CPU from what can be answered. @throws Overloaded */
  #admit(family: ServedFamily, asked: RequestedTier, deadlineMs: number | undefined): void {
    const { scheduler } = this.#lanes.first(family, asked)
    scheduler.admitEarly(asked, this.#preparing, deadlineMs)
    const tiers = asked === 'auto' ? this.#lanes.tiersIn(family) : [asked]
    if (tiers.some((tier) => this.#lanes.hasRoom({ family: family.name, tier }))) return
    throw scheduler.overloaded(asked, scheduler.waiting)
  }

  /** @throws PayloadTooLarge, InvalidRequest, RequestAborted */
  async #prepare(family: ServedFamily, request: ClassifyRequest) {
    const startMs = performance.now()
    this.#preparing++
    try {
      const { maxRequestTokens } = this.#settings
      const { longText, read, signal } = request
      const ids = read?.ids ?? (await this.#reader.read(family, request.texts, { longText, signal, maxRequestTokens }))
      const { maxTokens, windowOverlap } = family.family.manifest
      const prepared = prepareTexts(ids, family.tokenizer, { longText, maxTokens, windowOverlap, maxRequestTokens })
      return { prepared, tokenizeMs: performance.now() - startMs + (read?.tokenizeMs ?? 0) }
    } finally {
      this.#preparing--
    }
  }

  /**
   * A few requests along the whole way before readiness is told: compiling, first messages and first batches otherwise make
   * the first callers wait. What they take says nothing of later requests, so nothing is learnt from them.
   */
  async #rehearse(): Promise<void> {
    for (const family of this.#settings.families) {
      const deadlineMs = performance.now() + REHEARSAL_MS
      const { tiers, name } = family
      for (const { tier } of tiers.filter(isReady)) {
        for (let round = 0; round < REHEARSAL_ROUNDS && performance.now() < deadlineMs; round++) {
          try {
            const arrivalMs = performance.now()
            const request = { texts: [REHEARSAL_TEXT], tier, family: name, arrivalMs } as const
            await this.#answer({ ...request, onBudgetMiss: 'fastest', longText: 'windows' }, false)
          } catch {
            break // an engine that fails here is restarted and shows in readiness
          }
        }
      }
    }
    this.#rehearsed = true
  }

  #logAttainment(): void {
    for (const family of this.#settings.families) {
      for (const { tier, completion } of family.tiers) {
        if (completion.attainment === undefined) continue
        this.#settings.log.info(
          { family: family.name, tier, withinPrediction: completion.attainment },
          'share of answers within their predicted latency',
        )
      }
    }
  }
}
