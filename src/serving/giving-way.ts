/**
 * When a lane holds back what it might run, because the lane that it gives way to is running. Beside that one it would hardly get
 * on and would slow it down; a moment later it has the machine to itself. Pure.
 */

/** A lane that has held back for so long runs whatever else does, ms: no stream of requests keeps the others from being answered. */
export const LONGEST_HOLD_MS = 200
/** A run is held back while so many times its time is left until the deadline: it may be slowed down by those it gives way to. */
const ROOM = 1.5

export interface HeldRun {
  /** since when the lane has held back */
  readonly sinceMs: number
  readonly deadlineMs: number
  /** that it takes, 95% of such runs within */
  readonly runMs: number
}

export function mayHoldBack({ sinceMs, deadlineMs, runMs }: HeldRun, nowMs: number): boolean {
  return nowMs < sinceMs + LONGEST_HOLD_MS && nowMs + ROOM * runMs < deadlineMs
}
