/**
 * How long a batch of one (family, tier) takes on an engine: a surface profiled at warm-up, times a factor learnt from
 * every batch since. Factors are quantiles of actual over profiled time, kept for each power of two of padded tokens, apart for
 * sequences alone and for several together, with one for the whole tier until a size has been seen often enough.
 */
import { type LatencySample, type LatencySurface, latencySurface } from './latency-surface.js'
import { QuantileWindow } from './quantile-window.js'

export const PROMISED_QUANTILE = 0.95
const BEST_QUANTILE = 0.05
const WINDOW = 256
const OBSERVATIONS_BEFORE_TRUST = 40
/**
 * Of batches of any kind, after which what several together took is no longer believed where no others came: it may be what keeps
 * them from being tried, and was learnt when the machine was another.
 */
const REMEMBERED_UNSEEN = 1_000

/** Log factors believed before anything ran: between 5% quicker and 25% slower than the profile. */
const PRIOR = Array.from({ length: 60 }, (_, index) => -0.05 + (index * 0.27) / 59)

/** Times of batches of `rows` sequences of `tokens` tokens, ms. */
export interface RunTimes {
  /** 95% of such batches stay within */
  predict(tokens: number, rows: number): number
  /** median */
  typical(tokens: number, rows: number): number
  /** only 5% of such batches undercut */
  atBest(tokens: number, rows: number): number
}

interface KnownClass {
  readonly window: QuantileWindow
  /** how many batches had been observed when its last one was */
  readonly seenAt: number
}

export class LatencyModel implements RunTimes {
  readonly #surface: LatencySurface
  #whole = new QuantileWindow(WINDOW, PRIOR)
  readonly #byClass = new Map<number, KnownClass>()
  #observed = 0

  /** @param profile timed batch shapes, at least one of a single row */
  constructor(profile: readonly LatencySample[]) {
    this.#surface = latencySurface(profile)
  }

  /** @returns ms that 95% of such batches stay within; never falls with tokens x rows of one class */
  predict(tokens: number, rows: number): number {
    return this.#surface(tokens, rows) * this.#factor(tokens, rows, PROMISED_QUANTILE)
  }

  /** @returns median ms */
  typical(tokens: number, rows: number): number {
    return this.#surface(tokens, rows) * this.#factor(tokens, rows, 0.5)
  }

  /** @returns ms that only 5% of such batches undercut */
  atBest(tokens: number, rows: number): number {
    return this.#surface(tokens, rows) * this.#factor(tokens, rows, BEST_QUANTILE)
  }

  /** Learns from a batch that ran. */
  observe(tokens: number, rows: number, actualMs: number): void {
    const logFactor = Math.log(Math.max(1e-3, actualMs) / Math.max(1e-3, this.#surface(tokens, rows)))
    this.#whole.observe(logFactor)
    this.#observed++
    const window = this.#known(tokens, rows) ?? new QuantileWindow(WINDOW, [])
    this.#byClass.set(classOf(tokens, rows), { window, seenAt: this.#observed })
    window.observe(logFactor)
  }

  /** Believes the profile again. */
  forget(): void {
    this.#whole = new QuantileWindow(WINDOW, PRIOR)
    this.#byClass.clear()
  }

  #known(tokens: number, rows: number): QuantileWindow | undefined {
    const known = this.#byClass.get(classOf(tokens, rows))
    if (!known || (rows > 1 && this.#observed - known.seenAt > REMEMBERED_UNSEEN)) return undefined
    return known.window
  }

  #factor(tokens: number, rows: number, quantile: number): number {
    const own = this.#known(tokens, rows)
    const window = own && own.observed >= OBSERVATIONS_BEFORE_TRUST ? own : this.#whole
    return Math.exp(window.quantile(quantile))
  }
}

/** Whether several together are quicker than one by one is not what a profile of alike ones at start says. */
function classOf(tokens: number, rows: number): number {
  const octave = Math.floor(Math.log2(Math.max(1, tokens * rows)))
  return rows > 1 ? -1 - octave : octave
}
