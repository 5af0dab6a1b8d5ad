const TELL_EVERY_MS = 1_000

/** Tells how often something happened in a second, a second after the first time: under a flood there are thousands, all alike. */
export class Tally<What = void> {
  readonly #tell: (count: number, first: What) => void
  #count = 0

  constructor(tell: (count: number, first: What) => void) {
    this.#tell = tell
  }

  add(what: What): void {
    if (this.#count++ > 0) return
    setTimeout(() => {
      this.#tell(this.#count, what)
      this.#count = 0
    }, TELL_EVERY_MS)
  }
}
