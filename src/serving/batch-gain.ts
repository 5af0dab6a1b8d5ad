/**
 * Whether texts are quicker together than one after the other. The first of a batch waits for the last, so they have to be clearly
 * quicker. Pure policy.
 */

/** What a batch of its own costs beside its run: the way to an engine and back. */
const DISPATCH_MS = 0.5
/**
 * Of its time alone, what a newcomer may add at most. On a CPU texts of a deep model together take what they take one by one, and up to
 * half as much again where their lengths differ.
 */
const WORTH_A_BATCH = 0.8

/** Median time of a batch of `rows` sequences of `tokens` tokens. */
type TypicalMs = (tokens: number, rows: number) => number

/** @param addedMs to the batch's time by one more sequence, which alone would take `aloneMs` */
export function isWorthIt(addedMs: number, aloneMs: number): boolean {
  return addedMs <= WORTH_A_BATCH * aloneMs + DISPATCH_MS
}

/** A batch that grows. */
export class BatchGain {
  readonly #typicalMs: TypicalMs
  #oneByOneMs: number
  #runMs: number

  /** @param tokens of its first sequence */
  constructor(tokens: number, typicalMs: TypicalMs) {
    this.#typicalMs = typicalMs
    this.#oneByOneMs = typicalMs(tokens, 1)
    this.#runMs = this.#oneByOneMs
  }

  /**
   * The time of a run grows faster than the text, so a batch of a short and a long one takes more than one of two of their mean length; what
   * it saves is taken to be the same share.
   * @param tokens of the sequence that would join @param rowTokens the batch's mean length then @param rows its sequences then
   * @returns the batch's times over those of as many sequences of its mean length, at least 1, and what takes the sequence in; undefined
   *   where it is better left
   */
  join(tokens: number, rowTokens: number, rows: number): { readonly stretch: number; take(): void } | undefined {
    const aloneMs = this.#typicalMs(tokens, 1)
    const oneByOneMs = this.#oneByOneMs + aloneMs
    const alikeOneByOneMs = rows * this.#typicalMs(rowTokens, 1)
    const stretch = alikeOneByOneMs > 0 ? Math.max(1, oneByOneMs / alikeOneByOneMs) : 1
    const runMs = stretch * this.#typicalMs(rowTokens, rows)
    if (!isWorthIt(runMs - this.#runMs, aloneMs)) return undefined
    return {
      stretch,
      take: () => {
        this.#oneByOneMs = oneByOneMs
        this.#runMs = runMs
      },
    }
  }
}

/** Where texts always run together. */
export const ALWAYS: Pick<BatchGain, 'join'> = {
  join: () => ({ stretch: 1, take() {} }),
}
