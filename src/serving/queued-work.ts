/** From a request's work to the sequences that wait in a queue: what each costs, whose turn it is, and when it is too late. */
import type { TierName } from '../family/family-schema.js'
import type { QueuedSequence } from './deadline-queue.js'
import type { TierKey } from './engine-protocol.js'
import type { RunTimes } from './latency-model.js'
import { type BatchBounds, sequenceCostMs, sequenceShareMs } from './request-cost.js'
import type { Ticket } from './ticket.js'

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
  /** a cheaper tier answers what is dropped here: it is dropped as soon as it would rather be late than not; default: none does */
  readonly hasFallBack?: boolean
}

export interface QueuedItem extends QueuedSequence<Ticket> {
  readonly index: number
  readonly sequence: Int32Array
  /** its request would miss its deadline if it began later, even at its quickest, or more likely than not; infinite without a deadline */
  readonly latestStartMs: number
  readonly attempts: number
}

/** As things look when the work comes. */
export interface QueueSituation {
  readonly times: RunTimes
  /** of the quickest way to run it; default: `times` */
  readonly quickest?: Pick<RunTimes, 'atBest' | 'typical'>
  readonly bounds: BatchBounds
  /** that serve, at least 1 */
  readonly engines: number
  /** requests that wait for the same tier */
  readonly waiting: number
}

/** What a request without a deadline may be made to wait by requests that have one. */
export const NO_DEADLINE_HORIZON_MS = 10_000
/** A text of many windows without a deadline is spaced out to take one part in this of the engines under contention. */
const LONG_TEXT_SPACING = 4

export function queuedItems(
  { sequences, arrivalMs, deadlineMs, hasFallBack }: Work,
  owner: Ticket,
  { times, quickest = times, bounds, engines, waiting }: QueueSituation,
): QueuedItem[] {
  const least = (tokens: number, rows: number) =>
    hasFallBack ? quickest.typical(tokens, rows) : quickest.atBest(tokens, rows)
  const leastMs = sequences.map(({ length }) => sequenceShareMs(length, sequences.length, bounds, least))
  let leftMs = leastMs.reduce((sum, ms) => sum + ms, 0)
  let spacedMs = 0
  return sequences.map((sequence, index) => {
    const tokens = sequence.length
    // this one and those after it, on every engine
    const quickestMs = Math.max(least(tokens, 1), leftMs / engines)
    leftMs -= leastMs[index]!
    const costMs = sequenceCostMs(tokens, waiting + sequences.length, times, bounds)
    const virtualMs = arrivalMs + NO_DEADLINE_HORIZON_MS + spacedMs
    spacedMs += (LONG_TEXT_SPACING * costMs) / engines
    return {
      owner,
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
