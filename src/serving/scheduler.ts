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
import { DeadlineExceeded, EngineFailed, isLextierError, Overloaded, RequestAborted } from '../errors.js'
import type { TierName } from '../family/family-schema.js'
import { BATCH_SHAPE, planBatch, tokensPerRow } from './batch-planner.js'
import { Blocking } from './blocking.js'
import { DeadlineQueue, type QueuedSequence } from './deadline-queue.js'
import type { Batch, BatchResult } from './engine.js'
import { type TierKey, tierId } from './engine-protocol.js'
import { FairShare } from './fair-share.js'
import type { LatencyModel } from './latency-model.js'
import { waitingLate } from './made-late.js'
import { Overtaking } from './overtaking.js'
import { queueWaitMs } from './queue-wait.js'
import { sequenceCostMs, sequenceShareMs } from './request-cost.js'
import { type ScheduledResult, Ticket } from './ticket.js'
import type { ServingObserver } from './types.js'

/** What the scheduler needs of the engines. */
export interface BatchRunner {
  readonly idle: number
  readonly serving: number
  busyMs(nowMs: number): number[]
  run(batch: Batch, expectedMs: number): Promise<BatchResult>
}

export interface SchedulerOptions {
  readonly runner: BatchRunner
  latencyModel(key: TierKey): LatencyModel
  /** whether that tier's model runs without padding; default: it pads */
  packed?(key: TierKey): boolean
  /** whether that tier's work comes here; default: all does */
  holds?(key: TierKey): boolean
  /** requests that wait for other engines; default: none */
  waitingElsewhere?(): number
  /** tokens of a batch; read for every batch, since it depends on a provider that may not be chosen yet */
  maxBatchTokens(): number
  /** requests waiting for one (family, tier) */
  readonly maxQueue: number
  /** requests waiting in all */
  readonly maxQueueTotal: number
  /** tokens waiting in all; a request finds room in an empty queue whatever its size */
  readonly maxQueueTokens: number
  readonly observer: Pick<ServingObserver, 'batch' | 'queueDepth'>
  now(): number
}

export interface Work {
  readonly key: TierKey
  /** the cheapest tier that might have answered; default: the one of `key` */
  readonly cheapest?: TierName
  /** token ids with special tokens */
  readonly sequences: readonly Int32Array[]
  readonly arrivalMs: number
  /** when the answer is useless; undefined: never */
  readonly deadlineMs: number | undefined
  /** as the caller gave it, for the error */
  readonly budgetMs: number | undefined
  readonly signal: AbortSignal | undefined
}

/** A request before its tier is chosen. */
export interface PossibleWork {
  readonly family: string
  readonly lengths: readonly number[]
  readonly deadlineMs: number
}

interface Item extends QueuedSequence<Ticket> {
  readonly index: number
  readonly sequence: Int32Array
  /** its request would miss its deadline if it began later, even at its quickest; infinite without a deadline */
  readonly latestStartMs: number
  readonly attempts: number
}

const MAX_ATTEMPTS = 2
/** What a request without a deadline may be made to wait by requests that have one. */
export const NO_DEADLINE_HORIZON_MS = 10_000
/** Requests waiting from which a predicted wait is evidence enough to turn a request away. */
const SHEDDING_FROM = 8
/** How many sequences that wait are looked at to tell whom a choice makes late. */
const LOOKAHEAD = 64
/** A text of many windows without a deadline is spaced out to take one part in this of the engines under contention. */
const LONG_TEXT_SPACING = 4

export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #queues = new Map<string, { key: TierKey; queue: DeadlineQueue<Ticket, Item> }>()
  readonly #overtaking = new Overtaking()
  readonly #fairShare = new FairShare()
  readonly #blocking = new Blocking()
  #doomTimer: NodeJS.Timeout | undefined

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  /** Requests that wait, in all. */
  get waiting(): number {
    let owners = 0
    for (const { queue } of this.#queues.values()) owners += queue.owners
    return owners
  }

  /**
   * @returns the logits of every sequence
   * @throws Overloaded (at once), DeadlineExceeded, RequestAborted, EngineFailed
   */
  async submit(work: Work): Promise<ScheduledResult> {
    if (work.signal?.aborted) throw new RequestAborted()
    const { queue } = this.#queue(work.key)
    const nowMs = this.#options.now()
    this.#blocking.arrived(this.#slackMs(work, nowMs), nowMs)
    this.#admit(work, queue)
    const ticket = new Ticket(work.key, work.sequences.length, { ...work, nowMs }, (settled) => {
      queue.removeOwner(settled)
      this.#reportDepth(work.key)
    })
    const items = this.#items(work, ticket, queue.owners)
    for (const { costMs, deadlineMs } of items) this.#overtaking.arrived(deadlineMs - nowMs, costMs, nowMs)
    queue.add(items)
    this.#reportDepth(work.key)
    this.pump()
    return ticket.promise
  }

  /** Whether one more request may wait there. */
  hasRoom(key: TierKey): boolean {
    return (this.#queues.get(tierId(key))?.queue.owners ?? 0) < this.#options.maxQueue
  }

  /** @returns ms until work with this deadline is expected to start if it comes now, what overtakes it meanwhile included */
  expectedWaitMs(deadlineMs: number, nowMs: number): number {
    const { serving } = this.#options.runner
    return this.#overtaking.extend(this.waitMs(deadlineMs, nowMs), deadlineMs - nowMs, serving, nowMs)
  }

  /**
   * What a request does to others, as things look now.
   * @param lengths tokens of each of its sequences
   * @returns for each tier that might answer it, the other requests that would then be late, expected: of those that wait, and
   *   of those yet to come
   */
  lateness({ family, lengths, deadlineMs }: PossibleWork, nowMs: number): (tier: TierName) => number {
    let seen: { busyMs: number[]; othersMs: number[]; waiting: Item[] } | undefined
    const look = () => {
      const busyMs = this.#options.runner.busyMs(nowMs).toSorted((a, b) => a - b)
      return { busyMs, othersMs: busyMs.slice(1).map((ms) => ms - busyMs[0]!), waiting: this.#nextItems() }
    }
    return (tier) => {
      seen ??= look()
      const { busyMs, othersMs, waiting } = seen
      const model = this.#options.latencyModel({ family, tier })
      const runsMs = lengths.map((tokens) => model.typical(tokens, 1))
      const toCome = runsMs.reduce((sum, runMs) => sum + this.#blocking.expectedLate(runMs, othersMs, nowMs), 0)
      const costMs = runsMs.reduce((sum, runMs) => sum + runMs, 0)
      return toCome + waitingLate(waiting, busyMs, { costMs, deadlineMs }, nowMs)
    }
  }

  /** @returns ms until work with this deadline would start if it came now and nothing after it */
  waitMs(deadlineMs: number, nowMs: number): number {
    let workAheadMs = 0
    for (const { queue } of this.#queues.values()) workAheadMs += queue.workAheadMs(deadlineMs)
    return queueWaitMs(this.#options.runner.busyMs(nowMs), workAheadMs)
  }

  /**
   * Turns a request away before anything is done for it: tokenizing what cannot be answered in time would take the CPU from
   * what can.
   * @param preparing requests admitted and not yet submitted
   * @throws Overloaded when as many requests wait as may, or when so many do that the deadline passes before its turn
   */
  admitEarly(tier: string, preparing: number, deadlineMs: number | undefined): void {
    const waiting = this.waiting + this.#elsewhere() + preparing
    if (waiting >= this.#options.maxQueueTotal) throw this.overloaded(tier, waiting)
    if (deadlineMs === undefined || waiting < SHEDDING_FROM) return
    const nowMs = this.#options.now()
    if (nowMs + this.waitMs(deadlineMs, nowMs) <= deadlineMs) return
    this.#blocking.arrived(deadlineMs - nowMs - this.#blocking.meanRunMs, nowMs)
    throw this.overloaded(tier, waiting)
  }

  /** Fails everything that waits. */
  failAll(error: Error): void {
    for (const { queue } of this.#queues.values()) {
      for (const owner of new Set(queue.items.map((item) => item.owner))) owner.fail(error)
    }
    this.#armDoomTimer(this.#options.now())
  }

  /** Gives idle engines work; called whenever an engine or work may have become available. */
  pump(): void {
    const nowMs = this.#options.now()
    this.#dropDoomed(nowMs)
    while (this.#options.runner.idle > 0) {
      const next = this.#mostUrgent()
      if (!next) break
      this.#dispatch(next.key, next.queue, nowMs)
    }
    this.#armDoomTimer(nowMs)
  }

  #elsewhere(): number {
    return this.#options.waitingElsewhere?.() ?? 0
  }

  #queue(key: TierKey) {
    const id = tierId(key)
    let entry = this.#queues.get(id)
    if (!entry) {
      entry = { key, queue: new DeadlineQueue<Ticket, Item>() }
      this.#queues.set(id, entry)
    }
    return entry
  }

  /** What the budget leaves beyond the request's own time on the cheapest tier. */
  #slackMs({ key, cheapest, sequences, arrivalMs, budgetMs }: Work, nowMs: number): number {
    const cheapestKey = { ...key, tier: cheapest ?? key.tier }
    // what may be answered elsewhere is not made late here: it goes there
    if (budgetMs === undefined || this.#options.holds?.(cheapestKey) === false) return Number.POSITIVE_INFINITY
    const model = this.#options.latencyModel(cheapestKey)
    const ownMs = sequences.reduce((sum, { length }) => sum + model.typical(length, 1), 0)
    return arrivalMs + budgetMs - nowMs - ownMs
  }

  /** @returns what waits, earliest deadline first, as much as is looked at */
  #nextItems(): Item[] {
    const items: Item[] = []
    for (const { queue } of this.#queues.values()) items.push(...queue.items.slice(0, LOOKAHEAD))
    return items.sort((a, b) => a.deadlineMs - b.deadlineMs).slice(0, LOOKAHEAD)
  }

  #admit({ key, sequences }: Work, queue: DeadlineQueue<Ticket, Item>): void {
    const { maxQueue, maxQueueTotal, maxQueueTokens } = this.#options
    if (queue.owners >= maxQueue) throw this.overloaded(key.tier, queue.owners)
    const waiting = this.waiting + this.#elsewhere()
    if (waiting === 0) return
    if (waiting >= maxQueueTotal) throw this.overloaded(key.tier, waiting)
    let tokens = sequences.reduce((sum, sequence) => sum + sequence.length, 0)
    for (const other of this.#queues.values()) tokens += other.queue.tokens
    if (tokens > maxQueueTokens) throw this.overloaded(key.tier, waiting)
  }

  /** @returns the refusal of work that finds no room, with when to come again */
  overloaded(tier: string, waiting: number): Error {
    const drainMs = this.waitMs(Number.POSITIVE_INFINITY, this.#options.now())
    const retryAfterSeconds = Math.min(60, Math.max(1, Math.ceil(drainMs / 1000)))
    return Object.assign(new Overloaded(tier, waiting), { retryAfterSeconds })
  }

  #items({ key, sequences, arrivalMs, deadlineMs }: Work, ticket: Ticket, waiting: number): Item[] {
    const model = this.#options.latencyModel(key)
    const bounds = { ...BATCH_SHAPE, maxTokens: this.#options.maxBatchTokens() }
    const engines = Math.max(1, this.#options.runner.serving)
    const bestMs = sequences.map(({ length }) =>
      sequenceShareMs(length, sequences.length, bounds, (tokens, rows) => model.atBest(tokens, rows)),
    )
    let leftMs = bestMs.reduce((sum, ms) => sum + ms, 0)
    let spacedMs = 0
    return sequences.map((sequence, index) => {
      const tokens = sequence.length
      // this one and those after it, on every engine
      const quickestMs = Math.max(model.atBest(tokens, 1), leftMs / engines)
      leftMs -= bestMs[index]!
      const costMs = sequenceCostMs(tokens, waiting + sequences.length, model, bounds)
      const virtualMs = arrivalMs + NO_DEADLINE_HORIZON_MS + spacedMs
      spacedMs += (LONG_TEXT_SPACING * costMs) / engines
      return {
        owner: ticket,
        index,
        sequence,
        tokens,
        costMs,
        attempts: 0,
        deadlineMs: deadlineMs ?? virtualMs,
        strict: deadlineMs !== undefined,
        latestStartMs: deadlineMs === undefined ? Number.POSITIVE_INFINITY : deadlineMs - quickestMs,
      }
    })
  }

  #mostUrgent() {
    const waiting = new Set<string>()
    for (const { key, queue } of this.#queues.values()) if (queue.items.length > 0) waiting.add(key.family)
    const mayRun = this.#fairShare.eligible(waiting)
    let best: { key: TierKey; queue: DeadlineQueue<Ticket, Item> } | undefined
    for (const entry of this.#queues.values()) {
      const head = entry.queue.items[0]
      if (head && mayRun(entry.key.family) && (!best || head.deadlineMs < best.queue.items[0]!.deadlineMs)) best = entry
    }
    return best
  }

  #dispatch(key: TierKey, queue: DeadlineQueue<Ticket, Item>, nowMs: number): void {
    const model = this.#options.latencyModel(key)
    const packed = this.#options.packed?.(key) ?? false
    const chosen = planBatch(queue.items, nowMs, {
      ...BATCH_SHAPE,
      packed,
      maxTokens: this.#options.maxBatchTokens(),
      predictMs: (tokens, rows) => model.predict(tokens, rows),
    })
    const items = queue.take(chosen)
    const longest = Math.max(...items.map(({ tokens }) => tokens))
    const tokens = items.reduce((sum, item) => sum + item.tokens, 0)
    const rowTokens = tokensPerRow(items.length, longest, tokens, packed)
    for (const { owner } of items) owner.started(nowMs)
    this.#reportDepth(key)
    const batch = { ...key, sequences: items.map(({ sequence }) => sequence) }
    const expectedMs = model.typical(rowTokens, items.length)
    this.#fairShare.charge(key.family, expectedMs)
    this.#blocking.began(expectedMs, nowMs)
    this.#options.runner.run(batch, expectedMs).then(
      ({ logits, inferenceMs }) => {
        const doneMs = this.#options.now()
        model.observe(rowTokens, items.length, doneMs - nowMs)
        items.forEach(({ owner, index }, row) => {
          owner.complete(index, logits[row]!, doneMs)
        })
        this.#options.observer.batch({ ...key, size: items.length, tokens, inferenceMs })
      },
      (error: Error) => this.#runAgain(items, queue, error),
    )
  }

  /** Once more, and whatever its deadline says: it had begun in time. */
  #runAgain(items: readonly Item[], queue: DeadlineQueue<Ticket, Item>, error: Error): void {
    const again: Item[] = []
    for (const item of items) {
      const attempts = item.attempts + 1
      if (attempts >= MAX_ATTEMPTS) item.owner.fail(isLextierError(error) ? error : new EngineFailed(error.message))
      else if (!item.owner.settled)
        again.push({ ...item, attempts, strict: false, latestStartMs: Number.POSITIVE_INFINITY })
    }
    // its neighbours may have failed a request that also has sequences here
    queue.add(again.filter(({ owner }) => !owner.settled))
    this.pump()
  }

  #dropDoomed(nowMs: number): void {
    for (const { queue } of this.#queues.values()) {
      const doomed = new Set<Ticket>()
      for (const item of queue.items) if (item.latestStartMs < nowMs) doomed.add(item.owner)
      for (const ticket of doomed) ticket.fail(new DeadlineExceeded(ticket.budgetMs ?? 0))
    }
  }

  /** A caller whose deadline cannot be met hears so then, not when an engine next becomes free. */
  #armDoomTimer(nowMs: number): void {
    clearTimeout(this.#doomTimer)
    let earliestMs = Number.POSITIVE_INFINITY
    for (const { queue } of this.#queues.values()) {
      for (const { latestStartMs } of queue.items) earliestMs = Math.min(earliestMs, latestStartMs)
    }
    if (!Number.isFinite(earliestMs)) return
    this.#doomTimer = setTimeout(() => this.pump(), Math.min(60_000, Math.max(1, Math.ceil(earliestMs - nowMs) + 1)))
  }

  #reportDepth({ tier }: TierKey): void {
    let depth = 0
    for (const { key, queue } of this.#queues.values()) if (key.tier === tier) depth += queue.owners
    this.#options.observer.queueDepth(tier, depth)
  }
}
