/**
 * A request whose tier keeps it waiting, or runs longer than was thought, is asked of a quicker one at the last moment at which that
 * one is still in time; whichever answers first does.
 * @see Dean and Barroso, The Tail at Scale, 2013: hedged requests
 */

/** Of the budget: the longer it is, the more can come between. */
const RESERVE = 0.05
/** What is a little later than predicted will soon be there, and every other way takes time from others. */
const STALLED = 1.5

/**
 * The other way is given the time that it is predicted to take twice over: it is begun where something is in the way already.
 * @param elapsedMs since the request's arrival
 * @param predictedMs from arrival to the first way's answer
 * @param otherMs from arrival to the other way's answer, if it began now
 * @returns ms from now, whole ones as timers have them; below 1 where there is no such moment, or the first is not yet late by then
 */
export function lastMomentMs(
  budgetMs: number,
  elapsedMs: number,
  { predictedMs, otherMs }: { readonly predictedMs: number; readonly otherMs: number },
): number {
  const atMs = (1 - RESERVE) * budgetMs - 2 * (otherMs - elapsedMs)
  return atMs < STALLED * predictedMs ? 0 : Math.floor(atMs - elapsedMs)
}

export interface OtherWay<Answer> {
  /** settles at the last moment, if there is one before the first way has ended */
  readonly lastMoment: Promise<unknown>
  begin(): Promise<Answer>
  /** its answer is no longer wanted */
  leave(): void
}

/**
 * The other way is begun at the last moment, or as soon as the first was dropped for being too late.
 * @throws the first way's error, when it failed otherwise or both did
 */
export async function answeredInTime<Answer>(first: Promise<Answer>, other: OtherWay<Answer>): Promise<Answer> {
  const dropped = first.then(
    () => false,
    (error: { code?: string }) => error.code === 'DEADLINE_EXCEEDED',
  )
  const isLate = await Promise.race([dropped, other.lastMoment.then(() => true)])
  if (!isLate) return first
  try {
    return await Promise.any([first, other.begin()])
  } catch {
    return await first
  } finally {
    other.leave()
  }
}
