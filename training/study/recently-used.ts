/** Values that take long to make, kept while they are small together; the one used longest ago goes first. */
export class RecentlyUsed<T> {
  readonly #values = new Map<string, { value: Promise<T>; size: number }>()

  /**
   * @param budget of all sizes together; the value used last is kept even beyond it
   * @param sizeOf in any unit, at least 0
   */
  constructor(
    private readonly budget: number,
    private readonly sizeOf: (value: T) => number,
  ) {}

  /** @returns the value of this key, made if it is not here; what could not be made is tried again the next time */
  async get(key: string, make: () => Promise<T>): Promise<T> {
    const entry = this.#values.get(key) ?? { value: make(), size: 0 }
    this.#values.delete(key)
    this.#values.set(key, entry)
    try {
      const value = await entry.value
      entry.size = this.sizeOf(value)
      this.shrink()
      return value
    } catch (error) {
      if (this.#values.get(key) === entry) this.#values.delete(key)
      throw error
    }
  }

  private shrink(): void {
    let total = 0
    for (const [place, [key, { size }]] of [...this.#values].toReversed().entries()) {
      total += size
      if (place > 0 && total > this.budget) this.#values.delete(key)
    }
  }
}
