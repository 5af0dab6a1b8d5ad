/**
 * When a lane holds back what it might run, because the lane that it gives way to is running. Beside that one it would hardly get
 * on and would slow it down; a moment later it has the machine to itself. Pure.
 */

/** What waits longer runs whatever else does, ms: no stream of requests keeps the others from being answered. */
export const LONGEST_HOLD_MS = 200
/** A run is held back while so many times its time is left until the deadline: it may be slowed down by those it gives way to. */
const ROOM = 1.5

export interface HeldWork {
  /** when it began to wait */
  readonly sinceMs: number
  readonly deadlineMs: number
}

/** @param runMs that the run takes, 95% of such runs within */
export function mayHoldBack({ sinceMs, deadlineMs }: HeldWork, runMs: number, nowMs: number): boolean {
  return nowMs < sinceMs + LONGEST_HOLD_MS && nowMs + ROOM * runMs < deadlineMs
}
