/** One finished piece of work. */
export interface Completion {
  readonly endedMs: number
  readonly texts: number
  /** of the texts */
  readonly tokens: number
}

export interface CompletionRate {
  readonly textsPerSecond: number
  readonly tokensPerSecond: number
}

/**
 * Throughput of work that finishes in batches. Counting over a fixed window would be wrong by up to a batch at either end;
 * counting from one completion to another is not.
 * @param fromMs warm-up ends here: the count starts after the last completion before it
 * @param toMs the count ends with the last completion before it
 * @returns zeros when nothing finished in between
 */
export function completionRate(completions: readonly Completion[], fromMs: number, toMs: number): CompletionRate {
  let beginMs = Number.NEGATIVE_INFINITY
  let endMs = Number.NEGATIVE_INFINITY
  for (const { endedMs } of completions) {
    if (endedMs <= fromMs) beginMs = Math.max(beginMs, endedMs)
    if (endedMs <= toMs) endMs = Math.max(endMs, endedMs)
  }
  if (beginMs === Number.NEGATIVE_INFINITY) beginMs = fromMs
  const counted = completions.filter(({ endedMs }) => endedMs > beginMs && endedMs <= endMs)
  if (counted.length === 0) return { textsPerSecond: 0, tokensPerSecond: 0 }
  const seconds = (endMs - beginMs) / 1_000
  return {
    textsPerSecond: counted.reduce((sum, { texts }) => sum + texts, 0) / seconds,
    tokensPerSecond: counted.reduce((sum, { tokens }) => sum + tokens, 0) / seconds,
  }
}
