/** What a server must keep up while far more is asked of it than it can do. Pure. */

export interface OverloadFigures {
  /** mean of before and after the overload */
  readonly capacityPerSecond: number
  /** answered a second while the overload lasted */
  readonly goodputPerSecond: number
  readonly answered: number
  readonly refused: number
  /** by error code, refusals apart */
  readonly errors: Readonly<Record<string, number>>
  /** from the send */
  readonly refusalP99Ms: number | null
  /** the load generator's own lateness, which is not the server's */
  readonly sendLagP99Ms: number | null
  /** of the management port */
  readonly liveP99Ms: number | null
  readonly liveFailed: number
  /** of the port of the predictions, whose new connections wait behind all others: told, not judged */
  readonly apiLiveP99Ms: number | null
  readonly apiLiveFailed: number
  /** of the main process, however many answer HTTP: when the queues had filled, and at the end */
  readonly rssBeforeMiB: number
  readonly rssAfterMiB: number
}

const MIN_GOODPUT_SHARE = 0.9
const MAX_P99_MS = 25
/** The heap breathes by about as much between two collections. */
const TOLERATED_GROWTH_MIB = 48

/** @returns a sentence for each promise that was not kept; empty when all were */
export function overloadFaults(figures: OverloadFigures): string[] {
  const { capacityPerSecond, goodputPerSecond, refused, errors, refusalP99Ms, liveP99Ms, liveFailed } = figures
  const share = goodputPerSecond / capacityPerSecond
  const grownMiB = figures.rssAfterMiB - figures.rssBeforeMiB
  const late = (ms: number | null) => ms === null || ms >= MAX_P99_MS
  const faults: string[] = []
  if (!(share >= MIN_GOODPUT_SHARE)) faults.push(`goodput is ${(share * 100).toFixed(0)}% of the capacity`)
  if (refused === 0) faults.push('nothing was refused: the load was no overload')
  else if (late(refusalP99Ms)) faults.push(`refusals took ${refusalP99Ms?.toFixed(1)} ms at p99`)
  if (late(liveP99Ms)) faults.push(`/health/live took ${liveP99Ms?.toFixed(1)} ms at p99`)
  if (liveFailed > 0) faults.push(`/health/live failed ${liveFailed} times`)
  for (const [code, count] of Object.entries(errors)) faults.push(`${count} requests ended with ${code}`)
  if (grownMiB > TOLERATED_GROWTH_MIB) faults.push(`the main process grew by ${grownMiB.toFixed(0)} MiB`)
  return faults
}
