const LONGEST_TIMER_MS = 60_000

/** One timer for the earliest of many moments. It may ring too early, for a moment that has passed over: to set it for each costs more. */
export class Alarm {
  readonly #ring: () => void
  #timer: NodeJS.Timeout | undefined
  #atMs = Number.POSITIVE_INFINITY

  constructor(ring: () => void) {
    this.#ring = ring
  }

  /**
   * Rings at that moment, and perhaps before.
   * @param atMs on the clock of `nowMs`; infinite: not at all
   */
  set(atMs: number, nowMs: number): void {
    if (Number.isFinite(atMs) && this.#timer && this.#atMs <= atMs) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!Number.isFinite(atMs)) return
    this.#atMs = atMs
    const inMs = Math.max(1, Math.ceil(atMs - nowMs) + 1)
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#ring()
      },
      Math.min(LONGEST_TIMER_MS, inMs),
    )
  }
}
