/**
 * Works on several items of a stream at once and gives their results in the items' order.
 *
 *     items ─▶ [ oldest … newest ] ─▶ results
 *                 at most `maxItems`, and no further item while they weigh `maxWeight` or more
 *
 * An item is taken when there is room for it; a result is given as soon as it is the oldest. While nobody takes results,
 * no further item is taken: back-pressure reaches the source.
 */
export interface WindowOptions<T> {
  readonly maxItems: number
  /** asked whenever an item could be taken: it may change */
  maxWeight(): number
  weigh(item: T): number
}

/** @param work must not reject */
export async function* inOrder<T, R>(
  items: AsyncIterator<T>,
  work: (item: T) => Promise<R>,
  { maxItems, maxWeight, weigh }: WindowOptions<T>,
): AsyncGenerator<R> {
  const window: { readonly result: Promise<R>; readonly weight: number; settled: boolean }[] = []
  let weight = 0
  let arriving: Promise<IteratorResult<T>> | undefined
  let ended = false
  while (!ended || window.length > 0) {
    const oldest = window[0]
    const room = window.length < maxItems && (weight < maxWeight() || window.length === 0)
    if (!ended && room && !arriving) {
      arriving = items.next()
      // it is awaited later, or never when the results are given up
      arriving.catch(() => {})
    }
    const taken = !ended && room ? arriving : undefined
    const next = oldest?.settled ? undefined : await Promise.race([...(taken ? [taken] : []), ...wait(oldest)])
    if (oldest?.settled) {
      window.shift()
      weight -= oldest.weight
      yield await oldest.result
    } else if (next?.done) {
      ended = true
    } else if (next) {
      arriving = undefined
      const entry = { result: work(next.value), weight: weigh(next.value), settled: false }
      void entry.result.then(() => {
        entry.settled = true
      })
      window.push(entry)
      weight += entry.weight
    }
  }
}

/** Settles with nothing: only whose turn it is matters. */
function wait(entry: { readonly result: Promise<unknown> } | undefined): Promise<undefined>[] {
  return entry ? [entry.result.then(() => undefined)] : []
}
