/**
 * What waits for one (family, tier), earliest deadline first; equal deadlines in order of arrival. Sequences of one
 * request wait side by side and leave together when it is dropped.
 */
import type { WaitingSequence } from './batch-planner.js'

export interface QueuedSequence<Owner> extends WaitingSequence {
  readonly owner: Owner
  /** engine time that it is expected to take as part of a batch, ms */
  readonly costMs: number
}

export class DeadlineQueue<Owner, Item extends QueuedSequence<Owner>> {
  #items: Item[] = []
  readonly #perOwner = new Map<Owner, number>()
  #tokens = 0

  /** earliest deadline first */
  get items(): readonly Item[] {
    return this.#items
  }

  /** requests that wait, each counted once */
  get owners(): number {
    return this.#perOwner.size
  }

  get tokens(): number {
    return this.#tokens
  }

  add(items: readonly Item[]): void {
    if (items.length === 0) return
    for (const item of items) this.#count(item, 1)
    // a stable sort keeps arrival order among equal deadlines; the queue itself is sorted, so this is nearly a merge
    this.#items = [...this.#items, ...items].sort((a, b) => a.deadlineMs - b.deadlineMs)
  }

  /** @param indices ascending, as `planBatch` gives them */
  take(indices: readonly number[]): Item[] {
    const taken = indices.map((index) => this.#items[index]!)
    const gone = new Set(indices)
    this.#items = this.#items.filter((_, index) => !gone.has(index))
    for (const item of taken) this.#count(item, -1)
    return taken
  }

  /** Drops whatever a request still has waiting. */
  removeOwner(owner: Owner): void {
    if (!this.#perOwner.has(owner)) return
    this.#items = this.#items.filter((item) => {
      if (item.owner !== owner) return true
      this.#count(item, -1)
      return false
    })
  }

  /** @returns engine time of everything with this deadline or an earlier one, ms */
  workAheadMs(deadlineMs: number): number {
    let workMs = 0
    for (const item of this.#items) {
      if (item.deadlineMs > deadlineMs) break
      workMs += item.costMs
    }
    return workMs
  }

  #count(item: Item, change: 1 | -1): void {
    this.#tokens += change * item.tokens
    const left = (this.#perOwner.get(item.owner) ?? 0) + change
    if (left === 0) this.#perOwner.delete(item.owner)
    else this.#perOwner.set(item.owner, left)
  }
}
