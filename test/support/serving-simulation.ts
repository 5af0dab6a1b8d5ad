/**
 * The scheduler, the router and the latency models on a virtual clock: a discrete-event simulation of a server whose
 * engines take as long as a formula and a seeded generator say. What is simulated is only the engines and the callers.
 */

import { TIER_NAMES, type TierName } from '../../src/family/family-schema.js'
import { BATCH_SHAPE, batchTokens } from '../../src/serving/batch-planner.js'
import { DEFAULT_TOLERATED_LATE } from '../../src/serving/blocking.js'
import { CompletionModel, SharedPromises } from '../../src/serving/completion-model.js'
import type { Batch, BatchResult } from '../../src/serving/engine.js'
import type { TierKey } from '../../src/serving/engine-protocol.js'
import { leftMs } from '../../src/serving/engine-slot.js'
import { answeredInTime, lastMomentMs } from '../../src/serving/last-moment.js'
import { LatencyModel } from '../../src/serving/latency-model.js'
import { NO_DEADLINE_HORIZON_MS } from '../../src/serving/queued-work.js'
import { requestDeadlineMs } from '../../src/serving/request-deadline.js'
import { forecastRequest } from '../../src/serving/request-forecast.js'
import { nextWidth, type ProcessState, type RunWidth } from '../../src/serving/run-width.js'
import { Scheduler } from '../../src/serving/scheduler.js'
import { fallBackTier, routeTier } from '../../src/serving/tier-router.js'
import type { RequestedTier, RoutingReason } from '../../src/serving/types.js'
import type { QueueState } from '../../src/serving/width-choice.js'
import { createRandom, type Random } from '../../training/random.js'

export interface SimulatedRequest {
  readonly atMs: number
  readonly lengths: readonly number[]
  readonly budgetMs?: number
  readonly tier?: RequestedTier
  readonly family?: string
}

export interface SimulatedAnswer {
  readonly request: SimulatedRequest
  readonly tier: TierName | undefined
  readonly reason: RoutingReason | undefined
  readonly predictedMs: number
  /** predicted wait when it was routed */
  readonly waitMs: number
  /** from arrival to the answer or the refusal */
  readonly actualMs: number
  readonly endedMs: number
  /** of a refusal */
  readonly code: string | undefined
}

export interface SimulatedServer {
  /** of each lane */
  readonly engines: number
  /** the one engine of each lane is a pair of processes */
  readonly paired: boolean
  /** two: the cheapest tier has engines of its own, and those of the others give way to them */
  readonly lanes: 1 | 2
  /** how many times as long a run of the first lane takes beside one of the second, mean; runs differ, exponentially */
  readonly stretch: number
  /** speed of a run of the second lane beside one of the first */
  readonly backgroundSpeed: number
  readonly maxBatchTokens: number
  readonly costs: BatchCosts
  /** from a request's arrival to its routing: parsing, tokenizing */
  readonly prepareMs: number
  /** the models run without padding */
  readonly packed: boolean
  readonly toleratedLate: number
  /** the cheapest tier answers where another one's turn does not come in time */
  readonly fallsBack: boolean
  /** standard deviation of the logarithm of a batch's time */
  readonly jitter: number
  /** share of batches that something else on the machine holds up for 10 to 40 ms */
  readonly hiccups: number
  /** standard deviation of the logarithm of the machine's slowness, which changes over seconds */
  readonly drift: number
  readonly seed: number
}

/** What batches take on an undisturbed machine, ms. */
export interface BatchCosts {
  readonly perBatch: number
  readonly perToken: Readonly<Record<TierName, number>>
}

/** between the end of a batch and the answer, ms: messages between processes, and JSON */
const ANSWER_MS = 0.4
/** How many times as long a text takes on half of an engine's threads. */
const NARROW_STRETCH = 1.65
const DRIFT_STEP_MS = 250
const DRIFT_KEPT = 0.9

export const SIMULATED_SERVER: SimulatedServer = {
  engines: 1,
  paired: false,
  lanes: 1,
  stretch: 1.5,
  backgroundSpeed: 0.1,
  maxBatchTokens: 512,
  costs: { perBatch: 2, perToken: { teacher: 0.18, balanced: 0.085, fast: 0.035 } },
  prepareMs: 0,
  packed: false,
  toleratedLate: DEFAULT_TOLERATED_LATE,
  fallsBack: true,
  jitter: 0.08,
  hiccups: 0.02,
  drift: 0.1,
  seed: 1,
}

/** Time of a batch on an undisturbed machine, ms. @param tokens of the batch, padding included */
export function undisturbedMs(costs: BatchCosts, tier: TierName, tokens: number): number {
  return costs.perBatch + costs.perToken[tier] * tokens
}

/** What an engine does now. */
interface SimulatedRun {
  readonly lane: number
  readonly engine: number
  readonly width: RunWidth
  readonly startMs: number
  readonly expectedMs: number
  /** how many times as long it takes while another lane runs */
  readonly stretch: number
  /** of undisturbed time, as of `atMs` */
  leftMs: number
  atMs: number
  speed: number
  readonly end: () => void
}

export class ServingSimulation {
  /** one a lane, the cheapest tier's first */
  readonly schedulers: readonly Scheduler[]
  /** batches in the order in which they began */
  readonly batches: { readonly batch: Batch; readonly startMs: number }[] = []
  readonly #server: SimulatedServer
  readonly #models = new Map<string, { latency: LatencyModel; narrow: LatencyModel; completion: CompletionModel }>()
  readonly #random: Random
  readonly #events: { atMs: number; happen: () => void }[] = []
  readonly #runs = new Set<SimulatedRun>()
  readonly #shared = [new SharedPromises(), new SharedPromises()]
  #nowMs = 0
  #slowness = 0
  #slownessMs = 0

  constructor(server: Partial<SimulatedServer> = {}) {
    this.#server = { ...SIMULATED_SERVER, ...server }
    this.#random = createRandom(this.#server.seed)
    this.schedulers = Array.from({ length: this.#server.lanes }, (_, lane) => this.#lane(lane))
  }

  #lane(lane: number): Scheduler {
    const { engines, paired, packed, maxBatchTokens } = this.#server
    const processes = paired ? 2 : engines
    const runs = () => [...this.#runs].filter((run) => run.lane === lane)
    return new Scheduler({
      runner: {
        idle: () => (paired && runs().some(({ width }) => width === 'wide') ? 0 : processes - runs().length),
        serving: processes,
        busyMs: (nowMs, asked) => {
          const busy = runs().flatMap(({ startMs, expectedMs, width }) => {
            const ms = leftMs({ batches: [{ sinceMs: startMs, expectedMs, width }] }, nowMs)
            return paired && width === 'wide' ? [ms, ms] : [ms]
          })
          const all = [...busy, ...Array.from({ length: processes - busy.length }, () => 0)]
          return paired && asked === 'wide' ? [Math.max(...all)] : all
        },
        ...(paired && {
          nextWidth: (_: TierKey, queue: QueueState) => {
            const state = (engine: number): ProcessState => runs().find((run) => run.engine === engine)?.width ?? 'idle'
            return nextWidth([{ first: state(0), second: state(1) }], { ...queue, stretch: NARROW_STRETCH })
          },
        }),
        run: (batch, expectedMs) => this.#run(lane, batch, expectedMs),
      },
      latencyModel: ({ family, tier }, width) =>
        this.models(family, tier)[paired && width === 'narrow' ? 'narrow' : 'latency'],
      packed: () => packed,
      holds: ({ tier }) => this.#laneOf(tier) === lane,
      waitingElsewhere: () =>
        this.schedulers.reduce((sum, { waiting }, other) => sum + (other === lane ? 0 : waiting), 0),
      slowedBy: () => this.schedulers[lane + 1],

      givesWayTo: () => this.schedulers[lane - 1],
      maxBatchTokens: () => maxBatchTokens,
      maxQueue: 256,
      maxQueueTotal: 1_024,
      maxQueueTokens: 4_194_304,
      observer: { batch: () => {}, queueDepth: () => {} },
      now: () => this.#nowMs,
    })
  }

  #laneOf(tier: TierName): number {
    return this.#server.lanes === 2 && tier !== TIER_NAMES.at(-1) ? 1 : 0
  }

  #schedulerOf(tier: TierName): Scheduler {
    return this.schedulers[this.#laneOf(tier)]!
  }

  get nowMs(): number {
    return this.#nowMs
  }

  models(family: string, tier: TierName) {
    const id = `${family}/${tier}`
    let models = this.#models.get(id)
    if (!models) {
      const profile = [16, 32, 64, 128, 256, 512].flatMap((tokens) =>
        [1, 4].map((rows) => ({ tokens, rows, ms: undisturbedMs(this.#server.costs, tier, tokens * rows) })),
      )
      models = {
        latency: new LatencyModel(profile),
        narrow: new LatencyModel(profile.map((sample) => ({ ...sample, ms: NARROW_STRETCH * sample.ms }))),
        completion: new CompletionModel(this.#shared[this.#laneOf(tier)]!),
      }
      this.#models.set(id, models)
    }
    return models
  }

  /** @returns the answers to requests of an open loop, in the order of their arrival, once all have ended */
  async openLoop(requests: readonly SimulatedRequest[]): Promise<SimulatedAnswer[]> {
    const answers: Promise<SimulatedAnswer>[] = []
    const fromMs = this.#nowMs
    for (const request of requests) {
      this.#at(fromMs + request.atMs, () => answers.push(this.#ask({ ...request, atMs: this.#nowMs })))
    }
    await this.#play()
    return Promise.all(answers)
  }

  /** @returns the answers to as many callers as `connections`, each asking again when it was answered */
  async closedLoop(
    connections: number,
    durationMs: number,
    next: () => Omit<SimulatedRequest, 'atMs'>,
  ): Promise<SimulatedAnswer[]> {
    const answers: SimulatedAnswer[] = []
    const endMs = this.#nowMs + durationMs
    const ask = async () => {
      const answer = await this.#ask({ ...next(), atMs: this.#nowMs })
      answers.push(answer)
      const againMs = this.#nowMs + (answer.code === undefined ? 0.5 : 20)
      if (againMs < endMs) this.#at(againMs, () => void ask())
    }
    for (let connection = 0; connection < connections; connection++) this.#at(this.#nowMs, () => void ask())
    await this.#play()
    return answers
  }

  async #ask(request: SimulatedRequest): Promise<SimulatedAnswer> {
    const { lengths, budgetMs, tier: requestedTier = 'auto', family = 'tiny' } = request
    const arrivalMs = this.#nowMs
    const refused = { request, tier: undefined, reason: undefined, predictedMs: Number.NaN, waitMs: Number.NaN }
    try {
      const deadlineMs = budgetMs === undefined ? undefined : arrivalMs + budgetMs
      this.#schedulerOf(requestedTier === 'auto' ? TIER_NAMES.at(-1)! : requestedTier).admitEarly(
        requestedTier,
        0,
        deadlineMs,
      )
      const { packed, maxBatchTokens, prepareMs } = this.#server
      if (prepareMs > 0) await new Promise<void>((resolve) => this.#at(arrivalMs + prepareMs, resolve))
      const routedMs = this.#nowMs
      const horizonMs = arrivalMs + (budgetMs ?? NO_DEADLINE_HORIZON_MS)
      const possible = { family, lengths, deadlineMs: horizonMs }
      const waits = this.schedulers.map((scheduler) => scheduler.expectedWaitMs(horizonMs, routedMs))
      const lateness = this.schedulers.map((scheduler) => scheduler.lateness(possible, routedMs))
      const elapsedMs = routedMs - arrivalMs
      const forecast = (tier: TierName) => {
        const latency = this.#schedulerOf(tier).runTimes({ family, tier }, lengths.length, routedMs)
        const { completion } = this.models(family, tier)
        return forecastRequest(
          { lengths, elapsedMs, waitMs: waits[this.#laneOf(tier)]! },
          { latency, completion },
          {
            bounds: { ...BATCH_SHAPE, maxTokens: maxBatchTokens, packed },
            engines: this.#server.paired ? 2 : this.#server.engines,
          },
        )
      }
      const route = routeTier({
        requestedTier,
        budgetMs,
        onBudgetMiss: 'fastest',
        tiers: TIER_NAMES,
        forecast: (tier) => forecast(tier).predictedMs,
        expectedLate: (tier) =>
          (budgetMs === undefined ? 0 : forecast(tier).lateBeyond(budgetMs)) + lateness[this.#laneOf(tier)]!(tier),
        toleratedLate: this.#server.toleratedLate,
      })
      const fallBack = this.#server.fallsBack
        ? fallBackTier(route.tier, { requestedTier, tiers: TIER_NAMES })
        : undefined
      const submit = async (tier: TierName, idleMs: number) => {
        await this.#schedulerOf(tier).submit({
          key: { family, tier },
          ...(requestedTier === 'auto' && { cheapest: TIER_NAMES.at(-1)! }),
          sequences: lengths.map((tokens) => new Int32Array(tokens)),
          arrivalMs,
          deadlineMs: requestDeadlineMs(arrivalMs, budgetMs, idleMs),
          budgetMs,
          signal: undefined,
          hasFallBack: fallBack !== undefined && tier !== fallBack,
        })
        return tier
      }
      const { estimate, idleMs } = forecast(route.tier)
      const first = submit(route.tier, idleMs)
      const untilLastMs =
        fallBack && budgetMs
          ? lastMomentMs(budgetMs, elapsedMs, {
              predictedMs: route.predictedMs,
              otherMs: forecast(fallBack).predictedMs,
            })
          : 0
      const tier = !fallBack
        ? await first
        : await answeredInTime(first, {
            lastMoment: new Promise<void>((resolve) => {
              if (untilLastMs >= 1) this.#at(this.#nowMs + untilLastMs, resolve)
            }),
            begin: () => submit(fallBack!, forecast(fallBack!).idleMs),
            leave: () => {},
          })
      const fellBack = tier !== route.tier
      await new Promise<void>((resolve) => this.#at(this.#nowMs + ANSWER_MS, resolve))
      const actualMs = this.#nowMs - arrivalMs
      if (!fellBack)
        this.models(family, route.tier).completion.observe(
          estimate,
          route.predictedMs - elapsedMs,
          actualMs - elapsedMs,
        )
      const reason = fellBack ? 'fell_back' : route.reason
      const { predictedMs } = route
      return {
        request,
        tier,
        reason,
        predictedMs,
        waitMs: waits[this.#laneOf(tier)]!,
        actualMs,
        endedMs: this.#nowMs,
        code: undefined,
      }
    } catch (error) {
      const { code } = error as { code?: string }
      if (code === undefined) throw error
      return { ...refused, actualMs: this.#nowMs - arrivalMs, endedMs: this.#nowMs, code }
    }
  }

  #run(lane: number, batch: Batch, expectedMs: number): Promise<BatchResult> {
    const startMs = this.#nowMs
    const taken = [...this.#runs].filter((run) => run.lane === lane).map(({ engine }) => engine)
    const { paired, engines } = this.#server
    const width = batch.width ?? 'wide'
    const engine = Array.from({ length: paired ? 2 : engines }, (_, i) => i).find((i) => !taken.includes(i))!
    this.batches.push({ batch, startMs })
    const { costs, packed, stretch } = this.#server
    const lengths = batch.sequences.map(({ length }) => length)
    const real = lengths.reduce((sum, length) => sum + length, 0)
    const tokens = batchTokens(lengths.length, Math.max(...lengths), real, packed)
    const widthStretch = paired && width === 'narrow' ? NARROW_STRETCH : 1
    const leftMs = this.#disturbed(widthStretch * undisturbedMs(costs, batch.tier, tokens))
    const stretched = this.#server.lanes === 1 ? 1 : 1 - (stretch - 1) * Math.log(1 - this.#random.next())
    return new Promise((resolve) => {
      const end = () => {
        resolve({ logits: batch.sequences.map(() => Float32Array.of(0, 0)), inferenceMs: this.#nowMs - startMs })
        this.#at(this.#nowMs, () => {
          this.schedulers[lane]!.pump()
          this.schedulers[lane + 1]?.pump()
        })
      }
      this.#runs.add({
        ...{ lane, engine, width, startMs, expectedMs, leftMs, end },
        ...{ stretch: stretched, atMs: startMs, speed: 1 },
      })
      this.#share()
    })
  }

  /** Runs of the first lane go on more slowly beside those of the second, and those nearly stand still. */
  #share(): void {
    const runsIn = (lane: number) => [...this.#runs].some((run) => run.lane === lane)
    const [first, second] = [runsIn(0), runsIn(1)]
    for (const run of this.#runs) {
      run.leftMs -= (this.#nowMs - run.atMs) * run.speed
      run.atMs = this.#nowMs
      run.speed = run.lane === 0 ? (second ? 1 / run.stretch : 1) : first ? this.#server.backgroundSpeed : 1
      const { atMs, speed } = run
      this.#at(this.#nowMs + Math.max(0, run.leftMs) / speed, () => {
        // something began or ended meanwhile
        if (!this.#runs.has(run) || run.atMs !== atMs || run.speed !== speed) return
        this.#runs.delete(run)
        run.end()
        this.#share()
      })
    }
  }

  #disturbed(ms: number): number {
    const { jitter, hiccups, drift } = this.#server
    for (; this.#slownessMs < this.#nowMs; this.#slownessMs += DRIFT_STEP_MS) {
      const shock = drift * Math.sqrt(1 - DRIFT_KEPT ** 2)
      this.#slowness = DRIFT_KEPT * this.#slowness + shock * this.#random.normal()
    }
    const held = this.#random.next() < hiccups ? 10 + 30 * this.#random.next() : 0
    return ms * Math.exp(jitter * this.#random.normal() + this.#slowness) + held
  }

  #at(atMs: number, happen: () => void): void {
    const event = { atMs, happen }
    let index = this.#events.length
    while (index > 0 && this.#events[index - 1]!.atMs <= atMs) index--
    this.#events.splice(index, 0, event)
  }

  /** Latest event first in the array, so that the next one is popped. */
  async #play(): Promise<void> {
    for (let event = this.#events.pop(); event; event = this.#events.pop()) {
      this.#nowMs = event.atMs
      event.happen()
      await new Promise(setImmediate)
    }
  }
}
