/** For how long at least one run has been on, of runs that may overlap. Pure apart from the times it is told. */
export class BusyClock {
  #running = 0
  #sinceMs = 0
  #doneMs = 0

  get busy(): boolean {
    return this.#running > 0
  }

  began(nowMs: number): void {
    if (this.#running++ === 0) this.#sinceMs = nowMs
  }

  ended(nowMs: number): void {
    this.#running--
    if (this.#running === 0) this.#doneMs += nowMs - this.#sinceMs
  }

  /** @returns ms until now in which something ran; the difference of two readings is that between them */
  readingMs(nowMs: number): number {
    return this.#doneMs + (this.#running > 0 ? nowMs - this.#sinceMs : 0)
  }
}
