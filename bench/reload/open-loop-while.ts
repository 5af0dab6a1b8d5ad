import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../training/random.js'

/**
 * An open loop of Poisson arrivals that goes on as long as something else does.
 * @param send must settle with what was seen whatever happens; `intendedMs` is a reading of `performance.now()`
 * @returns what was seen of each arrival, once all have ended
 */
export async function openLoopWhile<T>(
  goesOn: () => boolean,
  ratePerSecond: number,
  random: Random,
  send: (intendedMs: number) => Promise<T>,
): Promise<T[]> {
  const pending: Promise<T>[] = []
  const gapMs = () => (-1_000 / ratePerSecond) * Math.log(1 - random.next())
  for (let dueMs = performance.now() + gapMs(); goesOn(); dueMs += gapMs()) {
    const aheadMs = dueMs - performance.now()
    if (aheadMs > 0) await sleep(aheadMs)
    pending.push(send(dueMs))
  }
  return Promise.all(pending)
}
