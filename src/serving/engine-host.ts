/** A lane's engines, from the moment they are asked for, and what their reports mean for the families. */
import { EngineFailed } from '../errors.js'
import type { Family } from '../family/load-family.js'
import { batchTokenLimit, queueLimit } from './batch-limits.js'
import type { ClassifierSettings } from './classifier-settings.js'
import type { Batch } from './engine.js'
import type { EnginePool, PoolResult } from './engine-pool.js'
import type { TierKey } from './engine-protocol.js'
import type { LanePlan } from './lane-plan.js'
import type { RunWidth } from './run-width.js'
import type { BatchRunner } from './scheduler.js'
import type { ServedFamily } from './served-family.js'
import { startEngines } from './start-engines.js'
import type { QueueState } from './width-choice.js'

/** Of a text, for times that are compared. */
const TYPICAL_TOKENS = 128

export interface EngineHostEvents {
  /** an engine may be free */
  capacity(): void
  /** no engine can be kept running: what waits would wait for ever */
  hopeless(reason: string): void
}

/** What the engines are for. */
export interface LaneOfEngines {
  readonly plan: LanePlan
  /** with the tiers that they hold */
  readonly families: readonly Family[]
}

export class EngineHost implements BatchRunner {
  readonly #settings: ClassifierSettings
  readonly #families: ReadonlyMap<string, ServedFamily>
  readonly #lane: LaneOfEngines
  readonly #events: EngineHostEvents
  /** `auto` tries processes before it settles, so the pool may come later than the first question about it */
  #pool: EnginePool | undefined
  #startFailure: string | undefined
  readonly #started: Promise<void>

  constructor(
    settings: ClassifierSettings,
    families: ReadonlyMap<string, ServedFamily>,
    lane: LaneOfEngines,
    events: EngineHostEvents,
  ) {
    this.#settings = settings
    this.#families = families
    this.#lane = lane
    this.#events = events
    this.#started = this.#start()
  }

  idle(waiting: number): number {
    return this.#pool?.idle(waiting) ?? 0
  }

  get serving(): number {
    return this.#pool?.serving ?? 0
  }

  /** Every engine has loaded what it holds, once. */
  get warm(): boolean {
    return this.#pool?.warm ?? false
  }

  get hopeless(): boolean {
    return this.#startFailure !== undefined || (this.#pool?.hopeless ?? false)
  }

  busyMs(nowMs: number, width?: RunWidth): number[] {
    return this.#pool?.busyMs(nowMs, width) ?? []
  }

  nextWidth({ family, tier }: TierKey, { sequences, expectsMore, isUrgent = false, load }: QueueState): RunWidth {
    if (!this.#pool?.paired) return 'wide'
    const { latency, narrowLatency } = this.#families.get(family)!.tier(tier)!
    // more threads are no use to its model
    if (!latency || !narrowLatency) return 'narrow'
    const stretch = narrowLatency.typical(TYPICAL_TOKENS, 1) / latency.typical(TYPICAL_TOKENS, 1)
    return this.#pool.nextWidth({ sequences, expectsMore, isUrgent, load, stretch })
  }

  async run(batch: Batch, expectedMs: number): Promise<PoolResult> {
    if (!this.#pool) throw new EngineFailed('not started')
    return this.#pool.run(batch, expectedMs)
  }

  /** False until a provider is chosen. */
  get onGpu(): boolean {
    return this.#pool !== undefined && this.#pool.provider !== 'cpu'
  }

  /** padded tokens that a batch of that tier may have @param waitingTokens for that tier; default: however many */
  maxBatchTokens({ family, tier }: TierKey, waitingTokens = Number.POSITIVE_INFINITY): number {
    const { config } = this.#families.get(family)!.tier(tier)!
    const shareTokens = waitingTokens / Math.max(1, this.serving)
    return batchTokenLimit(this.#pool?.provider ?? 'cpu', config, this.#settings.maxBatchTokens, shareTokens)
  }

  /** requests that may wait for one tier of one family */
  maxQueue(): number {
    return queueLimit(this.#pool?.provider ?? 'cpu', this.#settings.maxQueue)
  }

  /** Why the engines cannot be relied on, a sentence each; empty when they can. */
  reasons(): string[] {
    if (this.#startFailure) return [this.#startFailure]
    if (this.#pool?.serving === 0 && this.#pool.lastDeath) {
      return [`no inference engine is running; the last one stopped: ${this.#pool.lastDeath}`]
    }
    return this.warm ? [] : ['inference engines are starting']
  }

  async stop(): Promise<void> {
    await this.#started
    await this.#pool?.stop()
  }

  async #start(): Promise<void> {
    const { observer, log } = this.#settings
    try {
      const { plan, families } = this.#lane
      this.#pool = await startEngines(
        { ...this.#settings, families, lane: plan },
        {
          capacity: () => this.#events.capacity(),
          tierLoaded: (report) => {
            const { family, tier, provider, variant, variantFrom, loadMs, profileMs } = report
            const timing = { loadMs: Math.round(loadMs), profileMs: Math.round(profileMs) }
            log.info({ family, tier, provider, variant, variantFrom, ...timing }, 'tier loaded')
            for (const note of report.variantNotes) log.warn({ family, tier }, note)
            const served = this.#families.get(family)
            if (!served?.loaded(report)) return
            observer.familyReady({ family, version: served.family.version, tier, provider })
          },
          tierFailed: (report) => {
            const { family, tier, code, message: reason } = report
            log.error({ family, tier, code, reason }, 'tier cannot be served')
            this.#families.get(family)?.failed(report)
          },
          died: (reason) => {
            observer.engineRestarted()
            if (this.hopeless) this.#events.hopeless(reason)
            // a pair goes on without its second process, which was waited for
            else if (this.warm) this.#events.capacity()
          },
        },
      )
    } catch (error) {
      this.#startFailure = `inference engines cannot be started: ${(error as Error).message}`
      log.error({ reason: this.#startFailure }, 'no engines')
    }
  }
}
