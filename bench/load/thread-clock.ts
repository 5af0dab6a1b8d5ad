/**
 * One clock for all threads of a process. What `performance.now()` counts from may differ by thread, and `performance.timeOrigin`
 * follows a wall clock that is set now and then; `process.hrtime` counts alike everywhere.
 */

const READINGS = 16

/** @returns what to add to this thread's `performance.now()` for ms that all threads count alike */
export function sharedClockOffsetMs(): number {
  const readings = Array.from({ length: READINGS }, () => {
    const ownMs = performance.now()
    return Number(process.hrtime.bigint()) / 1e6 - ownMs
  })
  // the second clock is read a little after the first, at times much: the least difference is the nearest
  return Math.min(...readings)
}
