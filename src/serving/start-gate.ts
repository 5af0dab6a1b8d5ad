/**
 * Engines that start beside others that serve do so one after the other: to start a process stops the one that starts it for some 15 ms, and
 * each takes a CPU for seconds.
 */
import { setImmediate } from 'node:timers/promises'

export class StartGate {
  #through: Promise<void> = Promise.resolve()

  /** @returns once all that came before are through; call what it gives when the start is over, however it ended */
  enter(): Promise<() => void> {
    const before = this.#through
    let leave!: () => void
    this.#through = new Promise((resolve) => {
      leave = resolve
    })
    // what waits for this thread has its turn before
    return before.then(() => setImmediate(leave))
  }
}
