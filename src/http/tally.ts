const TELL_EVERY_MS = 1_000

/** Tells how often something happened in a second, a second after the first time: under a flood there are thousands, all alike. */
export class Tally {
  readonly #tell: (count: number) => void
  #count = 0

  constructor(tell: (count: number) => void) {
    this.#tell = tell
  }

  add(): void {
    if (this.#count++ > 0) return
    setTimeout(() => {
      this.#tell(this.#count)
      this.#count = 0
    }, TELL_EVERY_MS)
  }
}
