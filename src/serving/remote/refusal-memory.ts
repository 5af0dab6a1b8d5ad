/**
 * Refusals that were just heard, so that what is sure to be refused alike need not cross to another process: under overload most
 * requests are. Pure apart from the times it is told.
 */
import type { RequestHead } from '../types.js'

/** A queue that was full is full a moment later, unless the load ends. */
const REMEMBERED_MS = 10
/** Distinct heads are few: families times tiers times budgets; callers that make up budgets must not fill the memory. */
const MOST_HEADS = 256

export class RefusalMemory {
  readonly #refusals = new Map<string, { readonly error: Error; readonly untilMs: number }>()

  heard(head: Omit<RequestHead, 'arrivalMs'>, error: Error, nowMs: number): void {
    if (this.#refusals.size >= MOST_HEADS) this.#refusals.clear()
    this.#refusals.set(keyOf(head), { error, untilMs: nowMs + REMEMBERED_MS })
  }

  /** @returns what another request with such a head was just told */
  of(head: Omit<RequestHead, 'arrivalMs'>, nowMs: number): Error | undefined {
    if (this.#refusals.size === 0) return undefined
    const key = keyOf(head)
    const heard = this.#refusals.get(key)
    if (!heard) return undefined
    if (nowMs < heard.untilMs) return heard.error
    this.#refusals.delete(key)
    return undefined
  }
}

function keyOf({ family, tier, budgetMs }: Omit<RequestHead, 'arrivalMs'>): string {
  return `${family ?? ''}/${tier ?? 'auto'}/${budgetMs ?? ''}`
}
