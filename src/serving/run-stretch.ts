/**
 * How much longer a lane's runs take while another lane runs too: CPU time, cache and memory bandwidth are shared even where
 * priority says whose they are. Learnt as the ratio of a run's time to the median of undisturbed ones, so that a machine that
 * slows down as a whole does not count, apart for runs that were alone and runs that were beside another.
 */
import { PROMISED_QUANTILE, type RunTimes } from './latency-model.js'
import { QuantileWindow } from './quantile-window.js'

const WINDOW = 256
const BEST_QUANTILE = 0.05
/** A run counts as disturbed when another was on for so much of it. */
const DISTURBED_FROM = 0.5
/** Log ratios believed at first: alone up to 16% around the median, beside another run 0 to 50% more. */
const PRIOR_ALONE = Array.from({ length: 40 }, (_, index) => -0.15 + (index * 0.3) / 39)
const PRIOR_BESIDE = Array.from({ length: 40 }, (_, index) => (index * 0.4) / 39)

/** @param share of the run's time in which another was on */
export function isDisturbed(share: number): boolean {
  return share >= DISTURBED_FROM
}

export class RunStretch {
  readonly #alone = new QuantileWindow(WINDOW, PRIOR_ALONE)
  readonly #beside = new QuantileWindow(WINDOW, PRIOR_BESIDE)

  /** @param ratio of the run's time to the median of undisturbed runs of its kind */
  observe(ratio: number, disturbed: boolean): void {
    const window = disturbed ? this.#beside : this.#alone
    window.observe(Math.log(Math.max(1e-3, ratio)))
  }

  /** Median time beside another run over the median alone; at least 1. */
  get typical(): number {
    return Math.max(1, Math.exp(this.#beside.quantile(0.5) - this.#alone.quantile(0.5)))
  }

  /** @returns how much more likely a run is to take longer than `ratio` times its median when it is disturbed; at least 0 */
  excessBeyond(ratio: number): number {
    const logRatio = Math.log(ratio)
    return Math.max(0, this.#beside.shareAbove(logRatio) - this.#alone.shareAbove(logRatio))
  }

  /** The longest disturbed run, as a ratio: beyond it there is no excess. */
  get longest(): number {
    return Math.exp(this.#beside.quantile(1))
  }

  /** @returns the times of disturbed runs @param alone those of undisturbed ones */
  disturbed(alone: RunTimes): RunTimes {
    const at = (quantile: number) => {
      const factor = Math.exp(this.#beside.quantile(quantile))
      return (tokens: number, rows: number) => factor * alone.typical(tokens, rows)
    }
    return { predict: at(PROMISED_QUANTILE), typical: at(0.5), atBest: at(BEST_QUANTILE) }
  }
}
