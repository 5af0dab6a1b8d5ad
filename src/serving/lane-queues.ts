/** All that waits for a lane's engines: a queue for each (family, tier), asked about together. */
import type { TierName } from '../family/family-schema.js'
import type { Waiting } from './admission.js'
import { DeadlineQueue } from './deadline-queue.js'
import type { TierKey } from './engine-protocol.js'
import type { FairShare } from './fair-share.js'
import type { QueuedItem } from './queued-work.js'
import type { Ticket } from './ticket.js'
import { TierMap } from './tier-map.js'

export interface TierQueue {
  readonly key: TierKey
  readonly queue: DeadlineQueue<Ticket, QueuedItem>
}

export class LaneQueues {
  readonly #queues = new TierMap<TierQueue>()
  /** nothing that waits is too late before; what set it may have left since */
  #doomMs = Number.POSITIVE_INFINITY

  /** requests, each counted once */
  get requests(): number {
    let requests = 0
    for (const { queue } of this.#queues.values) requests += queue.owners
    return requests
  }

  get sequences(): number {
    let sequences = 0
    for (const { queue } of this.#queues.values) sequences += queue.items.length
    return sequences
  }

  /** Nothing that waits is too late to begin before; infinite where nothing can be. */
  get doomMs(): number {
    return this.requests === 0 ? Number.POSITIVE_INFINITY : this.#doomMs
  }

  /** Requests for one tier of one family. */
  requestsFor(key: TierKey): number {
    return this.#queues.get(key)?.queue.owners ?? 0
  }

  /** Requests for a tier, of all families. */
  requestsOfTier(tier: TierName): number {
    let requests = 0
    for (const { key, queue } of this.#queues.values) if (key.tier === tier) requests += queue.owners
    return requests
  }

  /** What a request for that tier finds. @param elsewhere requests that wait for other engines */
  waitingFor(key: TierKey, elsewhere: number): Waiting {
    let tokens = 0
    for (const { queue } of this.#queues.values) tokens += queue.tokens
    return { requests: this.requests + elsewhere, tokens, ofTier: this.requestsFor(key) }
  }

  /** @returns engine time of everything with this deadline or an earlier one, ms */
  workAheadMs(deadlineMs: number): number {
    let aheadMs = 0
    for (const { queue } of this.#queues.values) aheadMs += queue.workAheadMs(deadlineMs)
    return aheadMs
  }

  /** @returns what waits, earliest deadline first, as much as is asked for */
  next(count: number): QueuedItem[] {
    const items: QueuedItem[] = []
    for (const { queue } of this.#queues.values) items.push(...queue.items.slice(0, count))
    return items.sort((a, b) => a.deadlineMs - b.deadlineMs).slice(0, count)
  }

  /** @returns the queue whose head has the earliest deadline, of the families whose turn it may be; undefined where nothing waits */
  mostUrgent(fairShare: FairShare): TierQueue | undefined {
    const waiting = new Set<string>()
    for (const { key, queue } of this.#queues.values) if (queue.items.length > 0) waiting.add(key.family)
    const mayRun = fairShare.eligible(waiting)
    let best: TierQueue | undefined
    for (const entry of this.#queues.values) {
      const head = entry.queue.items[0]
      if (head && mayRun(entry.key.family) && (!best || head.deadlineMs < best.queue.items[0]!.deadlineMs)) best = entry
    }
    return best
  }

  add(key: TierKey, items: readonly QueuedItem[]): void {
    if (this.requests === 0) this.#doomMs = Number.POSITIVE_INFINITY
    const known = this.#queues.get(key) ?? this.#queues.add(key, { key, queue: new DeadlineQueue() })
    known.queue.add(items)
    for (const { latestStartMs } of items) this.#doomMs = Math.min(this.#doomMs, latestStartMs)
  }

  /** @returns whether anything of that request waited there */
  remove(key: TierKey, owner: Ticket): boolean {
    return this.#queues.get(key)?.queue.removeOwner(owner) ?? false
  }

  /** Tells the owners of what is too late to begin, who leave by it. */
  dropDoomed(nowMs: number, drop: (owner: Ticket) => void): void {
    if (nowMs <= this.#doomMs) return
    for (const { queue } of this.#queues.values) {
      const doomed = new Set<Ticket>()
      for (const item of queue.items) if (item.latestStartMs < nowMs) doomed.add(item.owner)
      for (const owner of doomed) drop(owner)
    }
    this.#doomMs = Number.POSITIVE_INFINITY
    for (const { queue } of this.#queues.values) {
      for (const { latestStartMs } of queue.items) this.#doomMs = Math.min(this.#doomMs, latestStartMs)
    }
  }

  /** @returns every request that waits */
  owners(): Ticket[] {
    return this.#queues.values.flatMap(({ queue }) => [...new Set(queue.items.map(({ owner }) => owner))])
  }
}
