/** Moments that several processes of a machine understand: `performance.now()` counts from each one's own start. */

import { sharedClockOffsetMs } from '../../threads/shared-clock.js'

const OFFSET_MS = sharedClockOffsetMs()

/** @param ms a reading of this process's `performance.now()` */
export function toSharedMs(ms: number): number {
  return ms + OFFSET_MS
}

/** @returns what this process's `performance.now()` read at that moment; below 0 where it had not started */
export function fromSharedMs(sharedMs: number): number {
  return sharedMs - OFFSET_MS
}
