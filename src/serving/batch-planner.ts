/**
 * Which waiting sequences of one (family, tier) run together next: earliest deadline first, similar lengths preferred,
 * never more padded tokens than allowed. Pure policy.
 *
 * Waiting sequences arrive sorted by deadline. The first one always runs. Later ones join while
 * - rows x longest stays within the token budget, since every row is padded to the longest;
 * - the batch does not grow so slow that a member which would have met its deadline misses it;
 * - padding stays below a share of the batch, unless the newcomer would miss its deadline by waiting for the next batch.
 */
export interface WaitingSequence {
  /** special tokens included */
  readonly tokens: number
  /** on the clock of `nowMs` */
  readonly deadlineMs: number
}

export interface BatchLimits {
  /** padded tokens: rows x longest */
  readonly maxTokens: number
  readonly maxRows: number
  /** least share of a batch that is real tokens */
  readonly minUtilisation: number
  /** how many waiting sequences are looked at */
  readonly lookahead: number
  /** predicted time of a batch of `rows` sequences padded to `tokens` */
  predictMs(tokens: number, rows: number): number
}

export const BATCH_SHAPE = { maxRows: 128, minUtilisation: 0.75, lookahead: 256 } as const

/** What a batch costs on a model that pads: every row is as long as the longest. */
export function paddedTokens(rows: number, longest: number): number {
  return rows * longest
}

/**
 * @param waiting sorted by deadline, earliest first
 * @returns the indices to run, ascending; at least the first if any waits, so that one long text never starves
 */
export function planBatch(waiting: readonly WaitingSequence[], nowMs: number, limits: BatchLimits): number[] {
  const head = waiting[0]
  if (!head) return []
  const chosen = [0]
  let longest = head.tokens
  let realTokens = head.tokens
  let finishMs = nowMs + limits.predictMs(longest, 1)
  let tightestMetMs = head.deadlineMs >= finishMs ? head.deadlineMs : Number.POSITIVE_INFINITY

  const end = Math.min(waiting.length, limits.lookahead)
  for (let index = 1; index < end && chosen.length < limits.maxRows; index++) {
    const candidate = waiting[index]!
    const rows = chosen.length + 1
    const longestWith = Math.max(longest, candidate.tokens)
    if (paddedTokens(rows, longestWith) > limits.maxTokens) continue
    const finishWithMs = nowMs + limits.predictMs(longestWith, rows)
    if (finishWithMs > tightestMetMs) continue
    const utilisation = (realTokens + candidate.tokens) / paddedTokens(rows, longestWith)
    const missesIfLeft = candidate.deadlineMs < finishMs + limits.predictMs(candidate.tokens, 1)
    if (utilisation < limits.minUtilisation && !missesIfLeft) continue
    chosen.push(index)
    longest = longestWith
    realTokens += candidate.tokens
    finishMs = finishWithMs
    if (candidate.deadlineMs >= finishMs) tightestMetMs = Math.min(tightestMetMs, candidate.deadlineMs)
  }
  return chosen
}
