/**
 * Compiled programs by shape signature, least recently used first out. Every session holds memory of its own on the device,
 * so their number is bounded.
 */
export interface Releasable {
  release(): Promise<void>
}

export class ProgramCache<P extends Releasable> {
  readonly #programs = new Map<string, P>()

  /** @param capacity programs kept; at least 1 */
  constructor(private readonly capacity: number) {}

  /** @returns the program of this key, compiled if it is not here */
  async get(key: string, compile: () => Promise<P>): Promise<P> {
    const known = this.#programs.get(key)
    // Room is made before compiling, so that the device never holds one more than the capacity.
    if (!known) await this.shrinkTo(this.capacity - 1)
    const program = known ?? (await compile())
    this.#programs.delete(key)
    this.#programs.set(key, program)
    return program
  }

  /** Releases every program. */
  clear(): Promise<void> {
    return this.shrinkTo(0)
  }

  private async shrinkTo(count: number): Promise<void> {
    for (const [key, program] of this.#programs) {
      if (this.#programs.size <= count) return
      this.#programs.delete(key)
      await program.release()
    }
  }
}
