/** One request's work in the scheduler: its sequences, their logits as they come in, and who waits for them. */
import { RequestAborted } from '../errors.js'
import type { TierKey } from './engine-protocol.js'

export interface ScheduledResult {
  /** one row a sequence, in the order given */
  readonly logits: readonly Float32Array[]
  /** from entering the queue to the start of the first batch */
  readonly queueMs: number
  /** from the start of the first batch to the end of the last; waits between batches included */
  readonly inferenceMs: number
}

export class Ticket {
  readonly key: TierKey
  readonly promise: Promise<ScheduledResult>
  readonly budgetMs: number | undefined
  readonly #enqueuedMs: number
  readonly #logits: (Float32Array | undefined)[]
  readonly #signal: AbortSignal | undefined
  readonly #onSettled: (ticket: Ticket) => void
  readonly #onAbort = () => this.fail(new RequestAborted())
  #resolve!: (result: ScheduledResult) => void
  #reject!: (error: Error) => void
  #left: number
  #firstStartMs: number | undefined
  #settled = false

  /** @param onSettled called once, when the request is answered, failed or aborted: what still waits must go */
  constructor(
    key: TierKey,
    sequences: number,
    options: { nowMs: number; budgetMs: number | undefined; signal: AbortSignal | undefined },
    onSettled: (ticket: Ticket) => void,
  ) {
    this.key = key
    this.budgetMs = options.budgetMs
    this.#enqueuedMs = options.nowMs
    this.#logits = new Array(sequences).fill(undefined)
    this.#left = sequences
    this.#signal = options.signal
    this.#onSettled = onSettled
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get settled(): boolean {
    return this.#settled
  }

  started(nowMs: number): void {
    this.#firstStartMs ??= nowMs
  }

  complete(index: number, logits: Float32Array, nowMs: number): void {
    if (this.#settled || this.#logits[index]) return
    this.#logits[index] = logits
    this.#left--
    if (this.#left > 0) return
    const firstStartMs = this.#firstStartMs ?? nowMs
    this.#settle()
    this.#resolve({
      logits: this.#logits as Float32Array[],
      queueMs: firstStartMs - this.#enqueuedMs,
      inferenceMs: nowMs - firstStartMs,
    })
  }

  fail(error: Error): void {
    if (this.#settled) return
    this.#settle()
    this.#reject(error)
  }

  #settle(): void {
    this.#settled = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#onSettled(this)
  }
}
