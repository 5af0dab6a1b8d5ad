/**
 * Holds the work that waits and decides when it runs.
 *
 *   submit ─▶ queue per (family, tier), earliest deadline first ─▶ planBatch ─▶ an idle engine ─▶ ticket's logits
 *                │ full: Overloaded        │ too late: DeadlineExceeded    │ died: once more, then EngineFailed
 *                                          │ caller gone: RequestAborted
 *
 * Work without a deadline gets a far one, so that it ages and is never starved. The sequences of a long text get
 * deadlines that are spaced out, so that it takes a share of the engines and not all of them; with a deadline it is
 * dropped as soon as what is left of it cannot be done in time. No family gets far ahead of others that wait.
 */
import { DeadlineExceeded, EngineFailed, isLextierError, RequestAborted } from '../errors.js'
import type { TierName } from '../family/family-schema.js'
import { type AdmissionLimits, admit, hasRoom, isTooLate, overloaded } from './admission.js'
import { Alarm } from './alarm.js'
import { BATCH_SHAPE, planBatch, tokensPerRow } from './batch-planner.js'
import { BusyClock } from './busy-clock.js'
import type { Batch, BatchResult } from './engine.js'
import type { TierKey } from './engine-protocol.js'
import { FairShare } from './fair-share.js'
import { LONGEST_HOLD_MS, mayHoldBack } from './giving-way.js'
import { Harm, type PossibleWork } from './harm.js'
import { LaneQueues, type TierQueue } from './lane-queues.js'
import { LaneTimes } from './lane-times.js'
import type { LatencyModel, RunTimes } from './latency-model.js'
import { Overtaking } from './overtaking.js'
import { queueWaitMs } from './queue-wait.js'
import { type QueuedItem, queuedItems, type Work } from './queued-work.js'
import type { RunWidth } from './run-width.js'
import { type ScheduledResult, Ticket } from './ticket.js'
import type { ServingObserver } from './types.js'
import { type QueueState, WidthChoice } from './width-choice.js'

/** What the scheduler needs of the engines. */
export interface BatchRunner {
  /** @param waiting sequences @returns engines that would take a batch */
  idle(waiting: number): number
  readonly serving: number
  /** @param width of those that could run so; default: of all */
  busyMs(nowMs: number, width?: RunWidth): number[]
  /** @returns how the next batch runs; default: wide */
  nextWidth?(key: TierKey, queue: QueueState): RunWidth
  /** @returns the logits, and how long the batch waited in its engine for the run before */
  run(batch: Batch, expectedMs: number): Promise<BatchResult & { readonly waitedMs?: number }>
}

export interface SchedulerOptions extends AdmissionLimits {
  readonly runner: BatchRunner
  latencyModel(key: TierKey, width: RunWidth): LatencyModel
  /** whether that tier's model runs without padding; default: it pads */
  packed?(key: TierKey): boolean
  /** whether batches always pay, as on a GPU; read for every batch; default: where their times say so */
  alwaysTogether?(): boolean
  /** whether that tier's work comes here; default: all does */
  holds?(key: TierKey): boolean
  /** requests that wait for other engines; default: none */
  waitingElsewhere?(): number
  /** the scheduler of engines whose runs slow down those of these; default: none */
  slowedBy?(): Pick<Scheduler, 'runs'> | undefined
  /** the scheduler of engines that these give way to, and slow down nevertheless; default: none */
  givesWayTo?(): Pick<Scheduler, 'runs' | 'harmBySlowing' | 'queueMs'> | undefined
  /**
   * Tokens of a batch of that tier; read for every batch, since it depends on a provider that may not be chosen yet.
   * @param waitingTokens for that tier; default: however many
   */
  maxBatchTokens(key: TierKey, waitingTokens?: number): number
  readonly observer: Pick<ServingObserver, 'batch' | 'queueDepth'>
  now(): number
}

const MAX_ATTEMPTS = 2
/** How many sequences that wait are looked at to tell whom a choice makes late. */
const LOOKAHEAD = 64

export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #queues = new LaneQueues()
  readonly #overtaking = new Overtaking()
  readonly #fairShare = new FairShare()
  readonly #runs = new BusyClock()
  readonly #alarm = new Alarm(() => this.pump())
  readonly #times: LaneTimes
  readonly #widths: WidthChoice
  readonly #harm: Harm
  /** since when it gives way though an engine is idle and work waits */
  #heldSinceMs: number | undefined

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#times = new LaneTimes({
      latencyModel: (key, width) => options.latencyModel(key, width),
      slowedBy: () => options.slowedBy?.()?.runs,
    })
    const { runner } = options
    this.#widths = new WidthChoice({
      times: this.#times,
      waiting: () => this.#queues.sequences,
      ...(runner.nextWidth && { nextWidth: (key, queue) => runner.nextWidth!(key, queue) }),
    })
    this.#harm = new Harm({
      times: this.#times,
      busyMs: (nowMs, width) => options.runner.busyMs(nowMs, width),
      nextWidth: (key, sequences, nowMs) => this.#widths.ifCame(key, sequences, nowMs),
      runTimes: (key, width) => this.#times.of(key, width),
      waiting: () => this.#queues.next(LOOKAHEAD),
      elsewhere: (nowMs) => options.givesWayTo?.()?.harmBySlowing(nowMs),
    })
  }

  /** When its engines run. */
  get runs(): Pick<BusyClock, 'busy' | 'readingMs'> {
    return this.#runs
  }

  /** Requests that wait, in all. */
  get waiting(): number {
    return this.#queues.requests
  }

  /**
   * @returns the logits of every sequence
   * @throws Overloaded (at once), DeadlineExceeded, RequestAborted, EngineFailed
   */
  async submit(work: Work): Promise<ScheduledResult> {
    if (work.signal?.aborted) throw new RequestAborted()
    const nowMs = this.#options.now()
    this.#learnSlack(work, nowMs)
    const tokens = work.sequences.reduce((sum, { length }) => sum + length, 0)
    admit(work.key.tier, tokens, this.#queues.waitingFor(work.key, this.#elsewhere()), this.#options, () =>
      this.#drainMs(),
    )
    const { budgetMs, signal } = work
    const ticket = new Ticket(work.key, work.sequences.length, { nowMs, budgetMs, signal }, (settled) => {
      if (this.#queues.remove(work.key, settled)) this.#reportDepth(work.key)
    })
    this.#widths.arrived(work.key, work.sequences, nowMs)
    const items = queuedItems(work, ticket, {
      times: this.runTimes(work.key, work.sequences.length, nowMs),
      quickest: this.#times.of(work.key, 'wide'),
      bounds: { maxRows: BATCH_SHAPE.maxRows, maxTokens: this.#options.maxBatchTokens(work.key) },
      engines: Math.max(1, this.#options.runner.serving),
      waiting: this.#queues.requestsFor(work.key),
    })
    for (const { costMs, deadlineMs } of items) this.#overtaking.arrived(deadlineMs - nowMs, costMs, nowMs)
    this.#queues.add(work.key, items)
    this.#reportDepth(work.key)
    this.#pump({ expectsMore: false })
    return ticket.promise
  }

  /** Whether one more request may wait there. */
  hasRoom(key: TierKey): boolean {
    return hasRoom(this.#queues.requestsFor(key), this.#options)
  }

  /** @returns ms until work with this deadline is expected to start if it comes now, what overtakes it meanwhile included */
  expectedWaitMs(deadlineMs: number, nowMs: number): number {
    const { serving } = this.#options.runner
    const firstMs = this.#options.givesWayTo?.()?.queueMs(nowMs) ?? 0
    return firstMs + this.#overtaking.extend(this.waitMs(deadlineMs, nowMs), deadlineMs - nowMs, serving, nowMs)
  }

  /** @returns ms until all that waits is begun; 0 where nothing waits */
  queueMs(nowMs: number): number {
    return this.waiting === 0 ? 0 : this.waitMs(Number.POSITIVE_INFINITY, nowMs)
  }

  /** Times of batches as things are. @param sequences that would come now */
  runTimes(key: TierKey, sequences: number, nowMs: number): RunTimes {
    return this.#times.of(key, this.#widths.ifCame(key, sequences, nowMs))
  }

  /** @returns for each tier held here that might answer a request, the other requests that would then be late, expected */
  lateness(work: PossibleWork, nowMs: number): (tier: TierName) => number {
    return this.#harm.byRunning(work, nowMs)
  }

  /** @returns for a run of so many ms of engines that give way to these, the requests here that would be late by it, expected */
  harmBySlowing(nowMs: number): (runMs: number) => number {
    return this.#harm.bySlowing(nowMs)
  }

  /** @returns ms until work with this deadline would start if it came now and nothing after it */
  waitMs(deadlineMs: number, nowMs: number): number {
    return queueWaitMs(this.#options.runner.busyMs(nowMs), this.#queues.workAheadMs(deadlineMs))
  }

  /**
   * Turns a request away before anything is done for it.
   * @param preparing requests admitted and not yet submitted
   * @throws Overloaded when as many requests wait as may, or when so many do that the deadline passes before its turn
   */
  admitEarly(tier: string, preparing: number, deadlineMs: number | undefined): void {
    const waiting = this.waiting + this.#elsewhere() + preparing
    if (waiting >= this.#options.maxQueueTotal) throw this.overloaded(tier, waiting)
    const nowMs = this.#options.now()
    const leftMs = deadlineMs === undefined ? undefined : deadlineMs - nowMs
    if (!isTooLate(waiting, leftMs, () => this.waitMs(deadlineMs!, nowMs))) return
    this.#harm.refused(leftMs!, nowMs)
    throw this.overloaded(tier, waiting)
  }

  /** @returns the refusal of work that finds no room, with when to come again */
  overloaded(tier: string, waiting: number): Error {
    return overloaded(tier, waiting, this.#drainMs())
  }

  /** Fails everything that waits. */
  failAll(error: Error): void {
    for (const owner of this.#queues.owners()) owner.fail(error)
    this.#armTimer(this.#options.now())
  }

  /** Gives idle engines work; called whenever an engine may have become available. */
  pump(): void {
    this.#pump({ expectsMore: true })
  }

  #pump({ expectsMore }: { readonly expectsMore: boolean }): void {
    const nowMs = this.#options.now()
    this.#queues.dropDoomed(nowMs, (ticket) => ticket.fail(new DeadlineExceeded(ticket.budgetMs ?? 0)))
    let isHeld = false
    while (this.#options.runner.idle(this.#queues.sequences) > 0 && !isHeld) {
      const next = this.#queues.mostUrgent(this.#fairShare)
      if (!next) break
      isHeld = this.#holdsBack(next, nowMs)
      if (!isHeld) this.#dispatch(next, expectsMore, nowMs)
    }
    this.#heldSinceMs = isHeld ? (this.#heldSinceMs ?? nowMs) : undefined
    this.#armTimer(nowMs)
  }

  /** Whether its turn is better left to those that it gives way to. */
  #holdsBack({ key, queue }: TierQueue, nowMs: number): boolean {
    if (!this.#options.givesWayTo?.()?.runs.busy) return false
    const { tokens, deadlineMs } = queue.items[0]!
    const runMs = this.#times.of(key, this.#widths.ifCame(key, 0, nowMs)).predict(tokens, 1)
    return mayHoldBack({ sinceMs: this.#heldSinceMs ?? nowMs, deadlineMs, runMs }, nowMs)
  }

  #elsewhere(): number {
    return this.#options.waitingElsewhere?.() ?? 0
  }

  /** Learns what the budget leaves beyond the request's own time on the cheapest tier. */
  #learnSlack({ key, cheapest, sequences, arrivalMs, budgetMs }: Work, nowMs: number): void {
    const cheapestKey = { family: key.family, tier: cheapest ?? key.tier }
    // what may be answered elsewhere is not made late here: it goes there
    const mayBeLate = budgetMs !== undefined && this.#options.holds?.(cheapestKey) !== false
    const model = this.#options.latencyModel(mayBeLate ? cheapestKey : key, 'wide')
    const ownMs = sequences.reduce((sum, { length }) => sum + model.typical(length, 1), 0)
    this.#harm.arrived(mayBeLate ? arrivalMs + budgetMs - nowMs - ownMs : Number.POSITIVE_INFINITY, ownMs, nowMs)
  }

  /** Until all that waits is done. */
  #drainMs(): number {
    return this.waitMs(Number.POSITIVE_INFINITY, this.#options.now())
  }

  #dispatch({ key, queue }: TierQueue, expectsMore: boolean, nowMs: number): void {
    const width = this.#widths.ofNext(key, queue.items[0]!, expectsMore, nowMs)
    const times = this.#times.of(key, width)
    const packed = this.#options.packed?.(key) ?? false
    const chosen = planBatch(queue.items, nowMs, {
      maxRows: BATCH_SHAPE.maxRows,
      minUtilisation: BATCH_SHAPE.minUtilisation,
      lookahead: BATCH_SHAPE.lookahead,
      packed,
      alwaysTogether: this.#options.alwaysTogether?.() ?? false,
      maxTokens: this.#options.maxBatchTokens(key, queue.tokens),
      predictMs: (tokens, rows) => times.predict(tokens, rows),
      typicalMs: (tokens, rows) => times.typical(tokens, rows),
    })
    const items = queue.take(chosen)
    const longest = Math.max(...items.map(({ tokens }) => tokens))
    const tokens = items.reduce((sum, item) => sum + item.tokens, 0)
    const rowTokens = tokensPerRow(items.length, longest, tokens, packed)
    this.#reportDepth(key)
    const { family, tier } = key
    const batch = { family, tier, width, sequences: items.map(({ sequence }) => sequence) }
    const expectedMs = times.typical(rowTokens, items.length)
    this.#fairShare.charge(family, expectedMs)
    this.#harm.began(expectedMs, width, nowMs)
    this.#runs.began(nowMs)
    const learn = this.#times.began({ key, width, tokens: rowTokens, rows: items.length }, nowMs)
    this.#options.runner
      .run(batch, expectedMs)
      .finally(() => this.#runs.ended(this.#options.now()))
      .then(
        ({ logits, inferenceMs, waitedMs = 0 }) => {
          const doneMs = this.#options.now()
          const startMs = nowMs + waitedMs
          learn(startMs, Math.max(doneMs, startMs + inferenceMs))
          items.forEach(({ owner, index }, row) => {
            owner.started(startMs)
            owner.complete(index, logits[row]!, doneMs)
          })
          this.#options.observer.batch({ family, tier, size: items.length, tokens, inferenceMs })
          // the engine has its next batch before this one's answers are written, which may take as long as a batch
          this.pump()
        },
        (error: Error) => this.#runAgain(key, items, error),
      )
  }

  /** Once more, and whatever its deadline says: it had begun in time. */
  #runAgain(key: TierKey, items: readonly QueuedItem[], error: Error): void {
    const again: QueuedItem[] = []
    for (const item of items) {
      const attempts = item.attempts + 1
      if (attempts >= MAX_ATTEMPTS) item.owner.fail(isLextierError(error) ? error : new EngineFailed(error.message))
      else if (!item.owner.settled)
        again.push({ ...item, attempts, strict: false, latestStartMs: Number.POSITIVE_INFINITY })
    }
    // its neighbours may have failed a request that also has sequences here
    this.#queues.add(
      key,
      again.filter(({ owner }) => !owner.settled),
    )
    this.pump()
  }

  /** A caller whose deadline cannot be met hears so then, not when an engine next becomes free; what is held back is not forgotten. */
  #armTimer(nowMs: number): void {
    const heldUntilMs = this.#heldSinceMs === undefined ? Number.POSITIVE_INFINITY : this.#heldSinceMs + LONGEST_HOLD_MS
    this.#alarm.set(Math.min(this.#queues.doomMs, heldUntilMs), nowMs)
  }

  #reportDepth({ tier }: TierKey): void {
    this.#options.observer.queueDepth(tier, this.#queues.requestsOfTier(tier))
  }
}
