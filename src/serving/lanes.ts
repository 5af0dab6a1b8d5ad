/** The lanes of a classifier: engines with a scheduler each, and what they are together. */
import { NotReady } from '../errors.js'
import type { TierName } from '../family/family-schema.js'
import type { ClassifierSettings } from './classifier-settings.js'
import { EngineHost } from './engine-host.js'
import type { TierKey } from './engine-protocol.js'
import { familyOfLane, type LanePlan } from './lane-plan.js'
import { Scheduler } from './scheduler.js'
import { latencyOf, runsPacked, type ServedFamily } from './served-family.js'
import { TierMap } from './tier-map.js'
import type { RequestedTier } from './types.js'

export interface Lane {
  readonly plan: LanePlan
  readonly engines: EngineHost
  readonly scheduler: Scheduler
}

/** What work is told that waits for engines that cannot be kept running. */
const OUT = 'no inference engine can be kept running for this tier; GET /v1/families says why'

/** As many full queues may wait in all. */
const TIERS_FULL = 4

export interface LaneEvents {
  /** an engine may be free, or it has become clear that those of a lane cannot be kept running */
  changed(): void
}

export class Lanes {
  readonly #families: ReadonlyMap<string, ServedFamily>
  readonly #lanes: readonly Lane[]
  readonly #laneOf = new TierMap<Lane>()

  constructor(
    settings: ClassifierSettings,
    families: ReadonlyMap<string, ServedFamily>,
    plans: readonly LanePlan[],
    events: LaneEvents,
  ) {
    this.#families = families
    for (const served of families.values()) {
      served.shareWithin((tier) => plans.find((plan) => plan.holds(served.family, tier)))
    }
    const depths = new QueueDepths(plans.length, (tier, depth) => settings.observer.queueDepth(tier, depth))
    this.#lanes = plans.map((plan, index) => {
      const served = settings.families.flatMap(({ family }) => familyOfLane(family, plan) ?? [])
      const engines: EngineHost = new EngineHost(
        settings,
        families,
        { plan, families: served },
        {
          capacity: () => {
            scheduler.pump()
            this.#backgroundOf(index)?.scheduler.pump() // it may have been held back
            events.changed()
          },
          hopeless: () => {
            scheduler.failAll(new NotReady(OUT))
            events.changed()
          },
        },
      )
      const scheduler = new Scheduler({
        ...settings,
        observer: {
          batch: (batch) => settings.observer.batch(batch),
          queueDepth: (tier, depth) => depths.report(index, tier, depth),
        },
        runner: engines,
        latencyModel: ({ family, tier }, width) => latencyOf(families.get(family)!.tier(tier)!, width),
        packed: ({ family, tier }) => runsPacked(families.get(family)!.tier(tier)!),
        holds: (key) => this.of(key).plan === plan,
        waitingElsewhere: () => this.waiting - scheduler.waiting,
        slowedBy: () => this.#backgroundOf(index)?.scheduler,
        givesWayTo: () => this.#lanes[index - 1]?.scheduler,
        // of the provider, which may not be chosen yet
        get maxQueue() {
          return engines.maxQueue()
        },
        get maxQueueTotal() {
          return settings.maxQueueTotal ?? TIERS_FULL * engines.maxQueue()
        },
        alwaysTogether: () => engines.onGpu,
        maxBatchTokens: (key, waitingTokens) => engines.maxBatchTokens(key, waitingTokens),
        now: () => performance.now(),
      })
      return { plan, engines, scheduler }
    })
    for (const { name, family, tiers } of families.values()) {
      for (const { tier } of tiers) {
        const lane = this.#lanes.find(({ plan }) => plan.holds(family, tier)) ?? this.#lanes[0]!
        this.#laneOf.add({ family: name, tier }, lane)
      }
    }
  }

  /** Requests that wait, in all. */
  get waiting(): number {
    return this.#lanes.reduce((sum, { scheduler }) => sum + scheduler.waiting, 0)
  }

  /** Every engine has loaded what it holds, once, but those that cannot be kept running. */
  get warm(): boolean {
    return !this.hopeless && this.#lanes.every(({ engines }) => engines.warm || engines.hopeless)
  }

  /** None of the engines can be kept running. */
  get hopeless(): boolean {
    return this.#lanes.every(({ engines }) => engines.hopeless)
  }

  of(key: TierKey): Lane {
    return this.#laneOf.get(key)!
  }

  /** Where a request may be answered soonest: of `auto`, on the cheapest tier. */
  first(family: ServedFamily, asked: RequestedTier): Lane {
    const tier = asked === 'auto' ? (this.tiersIn(family).at(-1) ?? family.tiers.at(-1)!.tier) : asked
    return this.of({ family: family.name, tier })
  }

  /** @returns the family's tiers whose engines can be kept running, most accurate first */
  tiersIn({ name, tiers }: ServedFamily): TierName[] {
    const served: TierName[] = []
    for (const { tier } of tiers) if (!this.of({ family: name, tier }).engines.hopeless) served.push(tier)
    return served
  }

  /** @returns why a tier is not routed to: its engines cannot be kept running; undefined when they can */
  outage(key: TierKey): string | undefined {
    const { engines } = this.of(key)
    return engines.hopeless ? engines.reasons()[0] : undefined
  }

  /** Whether one more request may wait there to be answered. */
  hasRoom(key: TierKey): boolean {
    const { engines, scheduler } = this.of(key)
    return !engines.hopeless && scheduler.hasRoom(key)
  }

  /**
   * Why the engines cannot be relied on, a sentence each; empty when they can. Lanes whose tiers are merely out do not count while
   * each family has others.
   */
  reasons(): string[] {
    const answers = [...this.#families.values()].every((family) => this.tiersIn(family).length > 0)
    const counted = this.#lanes.filter(({ engines }) => !answers || !engines.hopeless)
    return [...new Set(counted.flatMap(({ engines }) => engines.reasons()))]
  }

  /** Plans come in the order of priority: a lane gives way to the one before it. */
  #backgroundOf(index: number): Lane | undefined {
    return this.#lanes?.[index + 1]
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map(({ engines }) => engines.stop()))
  }
}

/** Depths are told by tier name, and two families may have one name in two lanes. */
class QueueDepths {
  readonly #depths: Map<TierName, number>[]

  constructor(
    lanes: number,
    private readonly tell: (tier: TierName, depth: number) => void,
  ) {
    this.#depths = Array.from({ length: lanes }, () => new Map())
  }

  report(lane: number, tier: TierName, depth: number): void {
    this.#depths[lane]!.set(tier, depth)
    this.tell(
      tier,
      this.#depths.reduce((sum, depths) => sum + (depths.get(tier) ?? 0), 0),
    )
  }
}
