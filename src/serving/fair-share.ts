/**
 * Fairness between families that share engines: start-time fair queueing, with earliest-deadline-first inside a bound.
 * Each family's engine time is counted; while several have work waiting, one that is more than a lead ahead of the least
 * served stands back, however urgent its work. So a family that is flooded cannot starve the others, and deadlines decide
 * wherever nobody is far ahead. Time that a family did not ask for is not saved up.
 * @see Goyal, Vin & Cheng 1996, "Start-time fair queuing"
 */

/** Engine time that a family may be ahead, ms: a few long batches on a CPU. */
export const FAIR_LEAD_MS = 200

export class FairShare {
  readonly #servedMs = new Map<string, number>()
  /** what the least served of those that waited had: newcomers start there */
  #floorMs = 0

  /** @returns whether a family's work may run now, among those that wait */
  eligible(waiting: ReadonlySet<string>): (family: string) => boolean {
    if (waiting.size <= 1) {
      for (const family of waiting) this.#floorMs = this.#lift(family)
      return () => true
    }
    let leastMs = Number.POSITIVE_INFINITY
    for (const family of waiting) leastMs = Math.min(leastMs, this.#lift(family))
    this.#floorMs = leastMs
    return (family) => (this.#servedMs.get(family) ?? leastMs) <= leastMs + FAIR_LEAD_MS
  }

  /** @param expectedMs of the batch that starts */
  charge(family: string, expectedMs: number): void {
    this.#servedMs.set(family, (this.#servedMs.get(family) ?? this.#floorMs) + expectedMs)
  }

  #lift(family: string): number {
    const servedMs = Math.max(this.#floorMs, this.#servedMs.get(family) ?? 0)
    this.#servedMs.set(family, servedMs)
    return servedMs
  }
}
