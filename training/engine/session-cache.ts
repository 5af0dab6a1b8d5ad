/**
 * The compiled programs of an engine, by the content of their models. A program holds nothing of the fit that it was compiled
 * for, whose tensors are fed: another fit with the same step takes it over as it is.
 */
import { createHash } from 'node:crypto'

/** Tensors that results are written into, by the names of all results; null for one that gets a tensor of its own. */
export type Into<Results> = { readonly [Name in keyof Results]: Results[Name] | null }

/** What the cache needs of an ONNX Runtime session. */
export interface Runnable<Feeds, Results> {
  run(feeds: Feeds, into?: Into<Results>): Promise<Results>
  release(): Promise<void>
}

/** A compiled program in somebody's hands. */
export interface BorrowedProgram<Feeds, Results> {
  /** @throws Error when the run fails also after programs that nobody uses have given back their memory */
  run(feeds: Feeds, into?: Into<Results>): Promise<Results>
  /** hands it back; it may stay compiled */
  release(): Promise<void>
}

export interface SessionCacheOptions<Feeds, Results> {
  /** @param onDevice names of outputs to leave on the device */
  readonly compile: (model: Uint8Array, onDevice: readonly string[]) => Promise<Runnable<Feeds, Results>>
  /** programs that there may be, in use or idle, for idle ones to be kept; those in use are never let go */
  readonly capacity: number
  /** whether memory is so short that no idle program should be kept; never unless told otherwise */
  readonly scarce?: () => boolean
}

interface Entry<Feeds, Results> {
  readonly session: Promise<Runnable<Feeds, Results>>
  users: number
}

/** Every session holds memory of its own on the device, also when idle: their number is bounded, least recently used first out. */
export class SessionCache<Feeds, Results> {
  // In order of use, the latest last. A session that failed is no longer here while its users still hold it.
  readonly #entries = new Map<string, Entry<Feeds, Results>>()
  #compilations = 0

  constructor(private readonly options: SessionCacheOptions<Feeds, Results>) {}

  /** Sessions created so far. */
  get compilations(): number {
    return this.#compilations
  }

  /**
   * @param model bytes of an ONNX file without a fit's tensors
   * @throws Error when it cannot be compiled, also not with the memory of idle programs
   */
  async borrow(model: Uint8Array, onDevice: readonly string[] = []): Promise<BorrowedProgram<Feeds, Results>> {
    const key = createHash('sha256').update(model).update(JSON.stringify(onDevice)).digest('hex')
    const entry = this.#entries.get(key) ?? { session: this.compile(model, onDevice), users: 0 }
    entry.users++
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    try {
      return this.lent(
        await entry.session,
        () => this.forget(key, entry),
        oncePerLoan(() => this.handBack(key, entry)),
      )
    } catch (error) {
      this.forget(key, entry)
      throw error
    }
  }

  /** Compiles a program with tensors of its own inside, which nobody else has a use for: releasing it frees it. */
  async compileAlone(model: Uint8Array): Promise<BorrowedProgram<Feeds, Results>> {
    const session = await this.compile(model, [])
    return this.lent(
      session,
      () => {},
      oncePerLoan(() => session.release()),
    )
  }

  /** Releases programs that nobody uses, but for the `keep` that were used last. @returns how many they were */
  async releaseIdle(keep = 0): Promise<number> {
    const idle = [...this.#entries].filter(([, { users }]) => users === 0)
    const released = idle.slice(0, Math.max(0, idle.length - keep))
    for (const [key, entry] of released) this.forget(key, entry)
    for (const [, { session }] of released) await (await session).release()
    return released.length
  }

  private async compile(model: Uint8Array, onDevice: readonly string[]): Promise<Runnable<Feeds, Results>> {
    const { compile, capacity } = this.options
    // Room is made before compiling, so that the device never holds one more than the capacity.
    await this.shrinkTo(capacity - 1)
    this.#compilations++
    try {
      return await compile(model, onDevice)
    } catch (error) {
      if ((await this.releaseIdle()) === 0) throw error
      return compile(model, onDevice)
    }
  }

  private lent(
    session: Runnable<Feeds, Results>,
    forget: () => void,
    release: () => Promise<void>,
  ): BorrowedProgram<Feeds, Results> {
    const run = async (feeds: Feeds, into?: Into<Results>): Promise<Results> => {
      try {
        return await session.run(feeds, into)
      } catch (error) {
        // what a lost device or exhausted memory leaves behind is not lent again
        forget()
        if ((await this.releaseIdle()) === 0) throw error
        return session.run(feeds, into)
      }
    }
    return { run, release }
  }

  private async handBack(key: string, entry: Entry<Feeds, Results>): Promise<void> {
    entry.users--
    if (entry.users > 0) return
    if (this.#entries.get(key) !== entry) return (await entry.session).release()
    await this.shrinkTo(this.options.capacity)
  }

  private async shrinkTo(count: number): Promise<void> {
    const inUse = [...this.#entries.values()].filter(({ users }) => users > 0).length
    await this.releaseIdle(this.options.scarce?.() ? 0 : Math.max(0, count - inUse))
  }

  private forget(key: string, entry: Entry<Feeds, Results>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
  }
}

/** A loan ends once, however often it is handed back. */
function oncePerLoan(release: () => Promise<void>): () => Promise<void> {
  let released: Promise<void> | undefined
  return () => {
    released ??= release()
    return released
  }
}
