/** Counts the requests in flight and knows whether the shutdown has begun. */
export class Draining {
  #inFlight = 0
  #begun = false
  #idle: (() => void)[] = []

  get begun(): boolean {
    return this.#begun
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** From now on new predictions are refused; those already here go on. */
  begin(): void {
    this.#begun = true
  }

  enter(): void {
    this.#inFlight++
  }

  leave(): void {
    this.#inFlight--
    if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** @returns when no request is in flight */
  idle(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }
}
