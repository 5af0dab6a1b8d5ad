/**
 * A tier that is passed over, request after request, teaches nothing: what is known of its times may be of a minute when other programs
 * had the CPUs, and would have it passed over for ever. After a while it is forgotten, so that the tier is tried again. Pure policy.
 */

/** Half a minute of a busy machine costs a few requests that fall back, once in it. */
const STALE_AFTER_MS = 30_000
/** Where hardly anyone asks, what is old is not yet wrong. */
const STALE_AFTER_REQUESTS = 20

export class Neglect {
  #sinceMs = 0
  #requests = 0

  /** It has answered. */
  answered(): void {
    this.#requests = 0
  }

  /** It was weighed and another tier chosen. @returns whether what is known of it is to be forgotten now */
  passedOver(nowMs: number): boolean {
    if (this.#requests++ === 0) this.#sinceMs = nowMs
    if (this.#requests < STALE_AFTER_REQUESTS || nowMs - this.#sinceMs < STALE_AFTER_MS) return false
    this.#requests = 0
    return true
  }
}
