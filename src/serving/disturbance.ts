/**
 * What a run does to the requests of another lane, which it slows down and does not block. A request that comes while it is on
 * takes a random multiple of its own time, and is late when that multiple leaves it less than nothing of its slack: with a
 * slack of u times its own time, beyond 1 + u. Requests that come at a rate λ while a run of D ms is on are late by it, expected,
 *
 *   λ D Σ P(u) (P(stretch > 1 + u | disturbed) - P(stretch > 1 + u | alone))
 */
import type { RunStretch } from './run-stretch.js'

/** Classes of slack over own time, an eighth wide; who has more than four times its own time is not made late by a stretch. */
const CLASSES_PER_UNIT = 8
const CLASSES = 32
/** How long a request counts, in the mean of an exponential memory, ms. */
const MEMORY_MS = 8_000

export class Disturbance {
  readonly #stretch: Pick<RunStretch, 'excessBeyond' | 'longest'>
  readonly #counts = new Float64Array(CLASSES)
  #atMs = 0

  constructor(stretch: Pick<RunStretch, 'excessBeyond' | 'longest'>) {
    this.#stretch = stretch
  }

  /** @param slackMs what the budget leaves beyond the request's own time; negative where an idle server would be late */
  arrived(slackMs: number, ownMs: number, nowMs: number): void {
    this.#forget(nowMs)
    const index = Math.floor((CLASSES_PER_UNIT * slackMs) / Math.max(1e-3, ownMs))
    if (index >= 0 && index < CLASSES) this.#counts[index]! += 1
  }

  /** @returns requests yet to come that a run of so long in another lane makes late by slowing them down, expected */
  expectedLate(runMs: number, nowMs: number): number {
    const perMs = Math.exp(-Math.max(0, nowMs - this.#atMs) / MEMORY_MS) / MEMORY_MS
    let late = 0
    const end = Math.min(CLASSES, Math.ceil(CLASSES_PER_UNIT * (this.#stretch.longest - 1)))
    for (let index = 0; index < end; index++) {
      const count = this.#counts[index]!
      if (count > 0) late += count * this.#stretch.excessBeyond(1 + (index + 0.5) / CLASSES_PER_UNIT)
    }
    return late * perMs * runMs
  }

  #forget(nowMs: number): void {
    const kept = Math.exp(-Math.max(0, nowMs - this.#atMs) / MEMORY_MS)
    this.#atMs = Math.max(this.#atMs, nowMs)
    for (let index = 0; index < CLASSES; index++) this.#counts[index]! *= kept
  }
}
