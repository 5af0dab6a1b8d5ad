/**
 * Engines that start beside others that serve do so a few at a time: to start a process stops the one that starts it for some 15 ms, and
 * each takes a CPU for seconds.
 */
import { setImmediate } from 'node:timers/promises'

/** Of which a start may have one. */
const CPUS_EACH = 4

export class StartGate {
  readonly #through: Promise<void>[]
  #next = 0

  /** @param cpus that may be used, of which a quarter, at least one, is for starts */
  constructor(cpus: number) {
    this.#through = Array.from({ length: Math.max(1, Math.floor(cpus / CPUS_EACH)) }, () => Promise.resolve())
  }

  /** @returns once it may start, in the order asked; call what it gives when the start is over, however it ended */
  enter(): Promise<() => void> {
    const way = this.#next++ % this.#through.length
    const before = this.#through[way]!
    let leave!: () => void
    this.#through[way] = new Promise((resolve) => {
      leave = resolve
    })
    // what waits for this thread has its turn before
    return before.then(() => setImmediate(leave))
  }
}
