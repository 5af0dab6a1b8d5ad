/** One inference process of a pool: what became of its starts, and what it has been given to run. */
import type { Engine } from './engine.js'
import type { ProcessState, RunWidth } from './run-width.js'

export interface GivenBatch {
  /** since when it runs; of one that waits for another, when it was given */
  sinceMs: number
  /** by the prediction */
  readonly expectedMs: number
  readonly width: RunWidth
}

type SlotState = 'starting' | 'serving' | 'waiting' | 'stopped'

export interface Slot {
  readonly index: number
  /** counted from 0 */
  readonly pair: number
  readonly isSecond: boolean
  engine: Engine | undefined
  state: SlotState
  /** a second process is started when the first has what it is to load in the cache */
  launched: boolean
  /** has been ready before */
  served: boolean
  startedMs: number
  /** how long the last start took; a guess before the first */
  startupMs: number
  /** deaths since it last proved itself */
  failures: number
  retryTimer: NodeJS.Timeout | undefined
  /** lets the next engine start */
  leaveGate: () => void
  /** what it runs now, and what it has been given to run next */
  batches: GivenBatch[]
}

/** Asked several times for a request: without a list of them. */
export function count(slots: readonly Slot[], is: (slot: Slot) => boolean): number {
  let found = 0
  for (const slot of slots) if (is(slot)) found++
  return found
}

export function stateOf(slot: Slot): ProcessState {
  if (!isServing(slot)) return 'down'
  return slot.batches[0]?.width ?? 'idle'
}

/** For which any process may lose its CPU. Beyond, other programs have it, maybe for seconds. */
const MOMENT_MS = 20

/** Until it has done what it was given, ms. */
export function leftMs({ batches }: Pick<Slot, 'batches'>, nowMs: number): number {
  const [running] = batches
  if (!running) return 0
  const untilDueMs = running.sinceMs + running.expectedMs - nowMs
  // at first an overdue batch is expected to take a tenth longer, again and again, then as long again as it is overdue
  const heldUpMs = -untilDueMs > MOMENT_MS ? -untilDueMs : 0
  const leftMs = Math.max(untilDueMs, heldUpMs, running.expectedMs / 10)
  return leftMs + givenMs({ batches }) - running.expectedMs
}

/** All that it has been given, from the beginning of what it runs, ms. */
export function givenMs({ batches }: Pick<Slot, 'batches'>): number {
  let ms = 0
  for (const { expectedMs } of batches) ms += expectedMs
  return ms
}

export function isServing({ state, engine }: Slot): boolean {
  return state === 'serving' && engine?.alive === true
}

export function isIdle(slot: Slot): boolean {
  return isServing(slot) && slot.batches.length === 0
}
