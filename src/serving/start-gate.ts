/**
 * Engines that start beside others that serve do so a few at a time: to start a process stops the one that starts it for some 15 ms, and
 * each takes a CPU for seconds.
 */
import { setImmediate } from 'node:timers/promises'
import { type Limit, limitConcurrency } from '../threads/limit-concurrency.js'

/** Of which a start may have one. */
const CPUS_EACH = 4

/** @param cpus that may be used, of which a quarter, at least one, is for starts @returns lets starts run, in the order asked */
export function startGate(cpus: number): Limit {
  const limit = limitConcurrency(Math.max(1, Math.floor(cpus / CPUS_EACH)))
  return (start) =>
    limit(async () => {
      // what waits for this thread has its turn before
      await setImmediate()
      return start()
    })
}
