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
/** Above everything in the window there is nothing to know; a debt carried beyond would make promises too careful for long. */
const HIGHEST = 1

export class AdaptiveLevel {
  readonly #target: number
  #level: number

  /** @param target share of promises to be kept, in (0.5, 1) */
  constructor(target: number) {
    this.#target = target
    this.#level = target
  }

  quantile(window: QuantileWindow): number {
    return window.quantile(this.#level)
  }

  observe(kept: boolean): void {
    const step = STEP * (this.#target - (kept ? 1 : 0))
    this.#level = Math.min(HIGHEST, Math.max(LOWEST, this.#level + step))
  }
}
