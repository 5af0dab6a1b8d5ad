/**
 * A quantile of the last observations. It takes the order statistic of rank ceil((n + 1) q), as split conformal
 * prediction does: over exchangeable observations the next one lies at or below it with probability at least q (for
 * q below n / (n + 1)), whatever their distribution.
 */
export class QuantileWindow {
  readonly #values: number[] = []
  readonly #capacity: number
  #next = 0
  #seedsLeft: number
  #observed = 0
  #sorted: Float64Array | undefined

  /**
   * @param capacity observations remembered
   * @param seeds what is believed before anything is observed; each observation replaces one
   */
  constructor(capacity: number, seeds: readonly number[]) {
    this.#capacity = capacity
    this.#values.push(...seeds)
    this.#seedsLeft = seeds.length
  }

  /** observations seen so far, forgotten ones included, seeds not */
  get observed(): number {
    return this.#observed
  }

  observe(value: number): void {
    if (!Number.isFinite(value)) return
    this.#observed++
    this.#sorted = undefined
    if (this.#seedsLeft > 0) {
      this.#values[this.#values.length - this.#seedsLeft] = value
      this.#seedsLeft--
      return
    }
    if (this.#values.length < this.#capacity) {
      this.#values.push(value)
      return
    }
    this.#values[this.#next] = value
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** @param q in [0, 1] */
  quantile(q: number): number {
    this.#sorted ??= Float64Array.from(this.#values).sort()
    const rank = Math.min(this.#sorted.length, Math.max(1, Math.ceil((this.#sorted.length + 1) * q)))
    return this.#sorted[rank - 1] ?? Number.NaN
  }
}
