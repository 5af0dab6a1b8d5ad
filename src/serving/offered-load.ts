/** How much work comes, over the last seconds. Pure apart from the times it is told. */

/** How long an arrival counts, ms: as in overtaking.ts. */
const MEMORY_MS = 4_000

export class OfferedLoad {
  #workMs = 0
  #atMs = 0

  arrived(workMs: number, nowMs: number): void {
    this.#workMs = this.#left(nowMs) + workMs
    this.#atMs = nowMs
  }

  /** @returns ms of work that comes in a ms */
  at(nowMs: number): number {
    return this.#left(nowMs) / MEMORY_MS
  }

  #left(nowMs: number): number {
    return this.#workMs * Math.exp(-Math.max(0, nowMs - this.#atMs) / MEMORY_MS)
  }
}
