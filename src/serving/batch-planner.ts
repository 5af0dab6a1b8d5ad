/**
 * Which waiting sequences of one (family, tier) run together next: earliest deadline first, similar lengths preferred,
 * never more padded tokens than allowed. Pure policy.
 *
 * Waiting sequences arrive sorted by deadline. The first one that is not lost runs. Later ones join while
 * - the batch's tokens stay within the budget: rows x longest where every row is padded to the longest, the sequences'
 *   own tokens where the model runs without padding;
 * - the batch does not grow so slow that a member which would have met its deadline misses it;
 * - it is quicker than the batch and the newcomer one after the other, as it always is on a GPU;
 * - padding, if there is any, stays below a share of the batch, unless the newcomer would miss its deadline by waiting for the next batch.
 *
 * Lost are sequences that would be answered too late: in a batch of their own, or, when more wait than one batch holds,
 * in a full one. Under overload plain earliest-deadline-first runs what is about to expire and so answers everything
 * late; passing over the lost keeps goodput at capacity. They run when nothing else waits.
 */
import { ALWAYS, BatchGain, isWorthIt } from './batch-gain.js'

export interface WaitingSequence {
  /** special tokens included */
  readonly tokens: number
  /** on the clock of `nowMs` */
  readonly deadlineMs: number
  /** the answer is useless after the deadline; otherwise the deadline only says whose turn it is */
  readonly strict?: boolean
}

export interface BatchLimits {
  /** as `batchTokens` counts them */
  readonly maxTokens: number
  /** the model runs without padding */
  readonly packed?: boolean
  /** several always run quicker together, whatever is thought of their times: a GPU is not busy with one */
  readonly alwaysTogether?: boolean
  readonly maxRows: number
  /** least share of a batch that is real tokens */
  readonly minUtilisation: number
  /** how many waiting sequences are looked at */
  readonly lookahead: number
  /** predicted time of a batch of `rows` sequences of `tokens` tokens: the longest, or the mean where there is no padding */
  predictMs(tokens: number, rows: number): number
  /** the same in the middle, which is what tells whether a batch pays; default: `predictMs` */
  typicalMs?(tokens: number, rows: number): number
}

export const BATCH_SHAPE = { maxRows: 128, minUtilisation: 0.75, lookahead: 256 } as const

/** What a batch costs: on a model that pads, every row is as long as the longest. @param real tokens of all rows */
export function batchTokens(rows: number, longest: number, real: number, packed: boolean): number {
  return packed ? real : rows * longest
}

/** @returns the length of rows that, all alike, would cost as much; a latency model knows batches by it */
export function tokensPerRow(rows: number, longest: number, real: number, packed: boolean): number {
  return Math.ceil(batchTokens(rows, longest, real, packed) / rows)
}

/**
 * @param waiting sorted by deadline, earliest first
 * @returns the indices to run, ascending; at least one if any waits, so that one long text never starves
 */
export function planBatch(waiting: readonly WaitingSequence[], nowMs: number, limits: BatchLimits): number[] {
  if (waiting.length === 0) return []
  const packed = limits.packed === true
  const isLost = lossRule(waiting, nowMs, limits)
  const first = Math.max(
    0,
    waiting.findIndex((sequence) => !isLost(sequence)),
  )
  const head = waiting[first]!
  const chosen = [first]
  const typicalMs = limits.typicalMs ?? limits.predictMs
  let longest = head.tokens
  let realTokens = head.tokens
  const gain = limits.alwaysTogether ? ALWAYS : new BatchGain(longest, typicalMs)
  let finishMs = nowMs + limits.predictMs(longest, 1)
  let tightestMetMs = head.deadlineMs >= finishMs ? head.deadlineMs : Number.POSITIVE_INFINITY

  const end = Math.min(waiting.length, first + limits.lookahead)
  for (let index = first + 1; index < end && chosen.length < limits.maxRows; index++) {
    const candidate = waiting[index]!
    const rows = chosen.length + 1
    const longestWith = Math.max(longest, candidate.tokens)
    const realWith = realTokens + candidate.tokens
    const tokensWith = batchTokens(rows, longestWith, realWith, packed)
    if (tokensWith > limits.maxTokens) continue
    const rowTokens = tokensPerRow(rows, longestWith, realWith, packed)
    const joined = gain.join(candidate.tokens, rowTokens, rows)
    if (!joined) continue
    const finishWithMs = nowMs + limits.predictMs(rowTokens, rows) * joined.stretch
    if (finishWithMs > tightestMetMs) continue
    const utilisation = realWith / tokensWith
    const missesIfLeft = candidate.deadlineMs < finishMs + limits.predictMs(candidate.tokens, 1)
    if (utilisation < limits.minUtilisation && !missesIfLeft) continue
    if (isLost(candidate)) continue
    chosen.push(index)
    longest = longestWith
    realTokens = realWith
    joined.take()
    finishMs = finishWithMs
    if (candidate.deadlineMs >= finishMs) tightestMetMs = Math.min(tightestMetMs, candidate.deadlineMs)
  }
  return chosen
}

function lossRule(waiting: readonly WaitingSequence[], nowMs: number, limits: BatchLimits) {
  const typicalMs = limits.typicalMs ?? limits.predictMs
  const fullRows = (tokens: number) => {
    const fitting = Math.max(1, Math.min(limits.maxRows, Math.floor(limits.maxTokens / tokens)))
    if (limits.alwaysTogether) return fitting
    return isWorthIt(typicalMs(tokens, fitting) / fitting, typicalMs(tokens, 1)) ? fitting : 1
  }
  const overloaded = waiting.length > fullRows(waiting[0]!.tokens)
  return ({ tokens, deadlineMs, strict }: WaitingSequence): boolean =>
    strict === true && deadlineMs < nowMs + limits.predictMs(tokens, overloaded ? fullRows(tokens) : 1)
}
