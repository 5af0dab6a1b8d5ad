import type { Random } from '../../training/random.js'

/**
 * Arrivals of a Poisson process: independent users, so that gaps are exponential and requests bunch up as they do in life.
 * @param ratePerSecond mean arrivals a second
 * @returns send times, ms from the start, ascending, all below `durationMs`
 */
export function poissonArrivals(ratePerSecond: number, durationMs: number, random: Random): number[] {
  const meanGapMs = 1_000 / ratePerSecond
  const arrivalsMs: number[] = []
  // 1 − u is never 0, whose logarithm is infinite
  const gap = () => -meanGapMs * Math.log(1 - random.next())
  for (let atMs = gap(); atMs < durationMs; atMs += gap()) arrivalsMs.push(atMs)
  return arrivalsMs
}
