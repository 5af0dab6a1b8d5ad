/**
 * A quantile of the last observations. It takes the order statistic of rank ceil((n + 1) q), as split conformal
 * prediction does: over exchangeable observations the next one lies at or below it with probability at least q (for
 * q below n / (n + 1)), whatever their distribution.
 */
export class QuantileWindow {
  readonly #capacity: number
  /** in the order in which they will be forgotten: a ring once it is full */
  readonly #values: number[]
  /** the same values, ascending; as many as `#values` has */
  readonly #sorted: Float64Array
  /** seeds not yet replaced: they stand at the ring's start */
  #seedsLeft: number
  #next = 0
  #observed = 0

  /**
   * @param capacity observations remembered
   * @param seeds what is believed before anything is observed; each observation replaces one. At most `capacity`
   */
  constructor(capacity: number, seeds: readonly number[]) {
    this.#capacity = capacity
    this.#values = [...seeds]
    this.#sorted = new Float64Array(capacity)
    this.#sorted.set(seeds.toSorted((a, b) => a - b))
    this.#seedsLeft = seeds.length
  }

  /** observations seen so far, forgotten ones included, seeds not */
  get observed(): number {
    return this.#observed
  }

  /** Values that are not finite are passed over. */
  observe(value: number): void {
    if (!Number.isFinite(value)) return
    this.#observed++
    if (this.#seedsLeft > 0) {
      this.#seedsLeft--
      this.#replace(this.#next, value)
      this.#next = (this.#next + 1) % this.#capacity
    } else if (this.#values.length < this.#capacity) {
      const rank = this.#rankOf(value)
      this.#sorted.copyWithin(rank + 1, rank, this.#values.length)
      this.#sorted[rank] = value
      this.#values.push(value)
      this.#next = this.#values.length % this.#capacity
    } else {
      this.#replace(this.#next, value)
      this.#next = (this.#next + 1) % this.#capacity
    }
  }

  /**
   * @param q in [0, 1]
   * @returns NaN of nothing at all
   */
  quantile(q: number): number {
    const count = this.#values.length
    const rank = Math.min(count, Math.max(1, Math.ceil((count + 1) * q)))
    return count === 0 ? Number.NaN : this.#sorted[rank - 1]!
  }

  /** @returns the share of the values that are larger; NaN of nothing at all */
  shareAbove(value: number): number {
    const count = this.#values.length
    return (count - this.#rankOf(value, true)) / count
  }

  /** Only what lies between the two moves. */
  #replace(index: number, value: number): void {
    const from = this.#rankOf(this.#values[index]!)
    const to = this.#rankOf(value)
    this.#values[index] = value
    if (to > from) {
      this.#sorted.copyWithin(from, from + 1, to)
      this.#sorted[to - 1] = value
    } else {
      this.#sorted.copyWithin(to + 1, to, from)
      this.#sorted[to] = value
    }
  }

  /** @returns how many values are smaller, or equal as well */
  #rankOf(value: number, orEqual = false): number {
    let low = 0
    let high = this.#values.length
    while (low < high) {
      const middle = (low + high) >> 1
      const known = this.#sorted[middle]!
      if (known < value || (orEqual && known === value)) low = middle + 1
      else high = middle
    }
    return low
  }
}
