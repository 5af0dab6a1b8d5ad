/**
 * One clock for all threads and processes of a machine. What `performance.now()` counts from differs by process and may by thread, and
 * `performance.timeOrigin` follows a wall clock that is set now and then; `process.hrtime` counts alike everywhere.
 */

const READINGS = 16

/** @returns what to add to this thread's `performance.now()` for ms that all of them count alike */
export function sharedClockOffsetMs(): number {
  const readings = Array.from({ length: READINGS }, () => {
    const ownMs = performance.now()
    return Number(process.hrtime.bigint()) / 1e6 - ownMs
  })
  // the second clock is read a little after the first, at times much: the least difference is the nearest
  return Math.min(...readings)
}
