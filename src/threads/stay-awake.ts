/**
 * Keeps the event loop from sleeping for a while after work, for what comes next: to be woken takes a thread 0.1 to 0.2 ms on a virtual
 * machine, a good part of what a GPU takes for a text. Other events are handled as ever; the CPU is busy meanwhile.
 */
export class StayAwake {
  readonly #forMs: number
  #untilMs = 0
  #awake = false

  /** @param forMs after each `extend`; 0: it sleeps as ever */
  constructor(forMs: number) {
    this.#forMs = forMs
  }

  extend(): void {
    if (this.#forMs === 0) return
    this.#untilMs = performance.now() + this.#forMs
    if (this.#awake) return
    this.#awake = true
    setImmediate(this.#turn)
  }

  // while an immediate is due, the loop looks for events without waiting for them
  readonly #turn = (): void => {
    this.#awake = performance.now() < this.#untilMs
    if (this.#awake) setImmediate(this.#turn)
  }
}
