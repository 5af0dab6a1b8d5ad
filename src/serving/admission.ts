/**
 * Which requests find room to wait. Queues are bounded by requests and by tokens, and where many wait a request whose turn would come
 * after its deadline is turned away before anything is done for it: tokenizing what cannot be answered in time would take the CPU
 * from what can. Every refusal says when to come again.
 */
import { Overloaded } from '../errors.js'

export interface AdmissionLimits {
  /** requests waiting for one (family, tier) */
  readonly maxQueue: number
  /** requests waiting in all */
  readonly maxQueueTotal: number
  /** tokens waiting in all; a request finds room in an empty queue whatever its size */
  readonly maxQueueTokens: number
}

/** What waits. */
export interface Waiting {
  /** requests, in all */
  readonly requests: number
  /** tokens, in all */
  readonly tokens: number
  /** requests for the tier asked for */
  readonly ofTier: number
}

/** Requests waiting from which a predicted wait is evidence enough to turn a request away. */
const SHEDDING_FROM = 8
const LONGEST_RETRY_SECONDS = 60

/** @throws Overloaded when a request of so many tokens finds no room */
export function admit(
  tier: string,
  tokens: number,
  waiting: Waiting,
  limits: AdmissionLimits,
  drainMs: () => number,
): void {
  if (!hasRoom(waiting.ofTier, limits)) throw overloaded(tier, waiting.ofTier, drainMs())
  if (waiting.requests === 0) return
  const isFull = waiting.requests >= limits.maxQueueTotal || waiting.tokens + tokens > limits.maxQueueTokens
  if (isFull) throw overloaded(tier, waiting.requests, drainMs())
}

export function hasRoom(ofTier: number, { maxQueue }: AdmissionLimits): boolean {
  return ofTier < maxQueue
}

/**
 * @param waitMs until its turn
 * @param leftMs until its deadline; undefined: it has none
 * @returns whether a request that finds so many others waiting would be answered too late
 */
export function isTooLate(waiting: number, leftMs: number | undefined, waitMs: () => number): boolean {
  return leftMs !== undefined && waiting >= SHEDDING_FROM && waitMs() > leftMs
}

/** @param drainMs until all that waits is done: when to come again */
export function overloaded(tier: string, waiting: number, drainMs: number): Error {
  const retryAfterSeconds = Math.min(LONGEST_RETRY_SECONDS, Math.max(1, Math.ceil(drainMs / 1000)))
  return Object.assign(new Overloaded(tier, waiting), { retryAfterSeconds })
}
