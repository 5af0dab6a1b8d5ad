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
  readonly #items: Item[] = []
  /** `#aheadMs[i]`: engine time of the first i items, for the first `#summed`; work is asked about more often than it changes */
  readonly #aheadMs: number[] = [0]
  #summed = 0
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
    for (const item of items) {
      // after those of the same deadline
      const at = this.#countUntil(item.deadlineMs)
      this.#items.splice(at, 0, item)
      this.#summed = Math.min(this.#summed, at)
    }
  }

  /** @param indices ascending, as `planBatch` gives them */
  take(indices: readonly number[]): Item[] {
    const taken = indices.map((index) => this.#items[index]!)
    let next = 0
    this.#keep((_, index) => {
      const isTaken = index === indices[next]
      if (isTaken) next++
      return !isTaken
    }, indices[0])
    for (const item of taken) this.#count(item, -1)
    return taken
  }

  /** Drops whatever a request still has waiting. @returns whether there was anything */
  removeOwner(owner: Owner): boolean {
    if (!this.#perOwner.has(owner)) return false
    this.#keep((item) => {
      if (item.owner !== owner) return true
      this.#count(item, -1)
      return false
    })
    return true
  }

  /** @returns engine time of everything with this deadline or an earlier one, ms */
  workAheadMs(deadlineMs: number): number {
    const count = this.#countUntil(deadlineMs)
    for (; this.#summed < count; this.#summed++) {
      this.#aheadMs[this.#summed + 1] = this.#aheadMs[this.#summed]! + this.#items[this.#summed]!.costMs
    }
    return this.#aheadMs[count]!
  }

  /** @returns how many have this deadline or an earlier one */
  #countUntil(deadlineMs: number): number {
    let low = 0
    let high = this.#items.length
    // nearly everything that comes goes to the end
    if (high > 0 && this.#items[high - 1]!.deadlineMs <= deadlineMs) return high
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#items[middle]!.deadlineMs <= deadlineMs) low = middle + 1
      else high = middle
    }
    return low
  }

  /** @param from the first that may go */
  #keep(stays: (item: Item, index: number) => boolean, from = 0): void {
    let kept = from
    for (let index = from; index < this.#items.length; index++) {
      const item = this.#items[index]!
      if (stays(item, index)) this.#items[kept++] = item
    }
    this.#items.length = kept
    this.#summed = Math.min(this.#summed, from)
  }

  #count(item: Item, change: 1 | -1): void {
    this.#tokens += change * item.tokens
    const left = (this.#perOwner.get(item.owner) ?? 0) + change
    if (left === 0) this.#perOwner.delete(item.owner)
    else this.#perOwner.set(item.owner, left)
  }
}
