/**
 * The level of a quantile, corrected so that its promise is kept as often as it says while what it is a quantile of
 * changes: adaptive conformal inference. A window's quantile is always somewhat old. So a promise broken raises the level
 * that is asked of the window and a promise kept lowers it, in such proportion that it rests at the target share; the share
 * then tends to the target whatever the stream does.
 * @see Gibbs & Candès 2021, "Adaptive conformal inference under distribution shift", equation 2
 */
import type { QuantileWindow } from './quantile-window.js'

/** A broken promise moves the level by about so much, a kept one by a twentieth of it. */
const STEP = 0.02
const LOWEST = 0.5
/** Above 1 the quantile lies above everything in the window. */
const HIGHEST = 1.2
/** How far a hundredth above 1 goes beyond the largest value, as a share of its distance from the median. */
const BEYOND_PER_POINT = 0.1

export class AdaptiveLevel {
  readonly #target: number
  #level: number

  /** @param target share of promises to be kept, in (0.5, 1) */
  constructor(target: number) {
    this.#target = target
    this.#level = target
  }

  quantile(window: QuantileWindow): number {
    const largest = window.quantile(Math.min(1, this.#level))
    if (this.#level <= 1) return largest
    return largest + 100 * (this.#level - 1) * BEYOND_PER_POINT * (largest - window.quantile(0.5))
  }

  observe(kept: boolean): void {
    const step = STEP * (this.#target - (kept ? 1 : 0))
    this.#level = Math.min(HIGHEST, Math.max(LOWEST, this.#level + step))
  }
}
