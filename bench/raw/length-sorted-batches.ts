/**
 * The batches that a program would make which knows all texts beforehand and has no one waiting: sorted by length, as full
 * as the token budget allows.
 * @param lengths tokens of each sequence
 * @param maxTokens of a batch, padding included; a single longer sequence still runs
 * @returns indices into `lengths`, each once
 */
export function lengthSortedBatches(lengths: readonly number[], maxTokens: number, maxRows: number): number[][] {
  const longestFirst = lengths.map((_, index) => index).sort((a, b) => lengths[b]! - lengths[a]!)
  const batches: number[][] = []
  for (const index of longestFirst) {
    const open = batches.at(-1)
    const longest = open ? lengths[open[0]!]! : 0
    if (open && open.length < maxRows && (open.length + 1) * longest <= maxTokens) open.push(index)
    else batches.push([index])
  }
  return batches
}

/**
 * Every k-th of the items in order of length, so that a few have the same mix of lengths as all.
 * @returns `count` items, or all where there are fewer
 */
export function systematicSample<T>(items: readonly T[], count: number, lengthOf: (item: T) => number): T[] {
  if (count >= items.length) return [...items]
  const sorted = items.toSorted((a, b) => lengthOf(a) - lengthOf(b))
  return Array.from({ length: count }, (_, i) => sorted[Math.floor(((i + 0.5) * items.length) / count)]!)
}
