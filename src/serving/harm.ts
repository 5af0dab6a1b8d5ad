/**
 * What answering a request does to other requests of a lane, as things look now: to those that wait, and, from those of the last
 * seconds, to those yet to come. A run of the lane blocks them; a run of a lane that gives way to it slows them down.
 */
import type { TierName } from '../family/family-schema.js'
import { Blocking } from './blocking.js'
import { Disturbance } from './disturbance.js'
import type { TierKey } from './engine-protocol.js'
import type { LaneTimes } from './lane-times.js'
import type { RunTimes } from './latency-model.js'
import { lateWhenStretched, type WaitingWork, waitingLate } from './made-late.js'
import { once } from './once.js'
import type { RunWidth } from './run-width.js'

/** A request before its tier is chosen. */
export interface PossibleWork {
  readonly family: string
  /** tokens of each of its sequences */
  readonly lengths: readonly number[]
  readonly deadlineMs: number
}

export interface HarmOptions {
  readonly times: Pick<LaneTimes, 'stretch' | 'slowed'>
  /** for each engine that could run so, ms until it is free */
  busyMs(nowMs: number, width?: RunWidth): number[]
  /** how the next batch runs if so many sequences come now */
  nextWidth(key: TierKey, sequences: number, nowMs: number): RunWidth
  runTimes(key: TierKey, width: RunWidth): RunTimes
  /** what waits, earliest deadline first, as much as is looked at */
  waiting(): readonly WaitingWork<unknown>[]
  /** the harm done by runs of this lane to one that they slow down; undefined: there is none */
  elsewhere(nowMs: number): ((runMs: number) => number) | undefined
}

export class Harm {
  readonly #options: HarmOptions
  readonly #blocking = new Blocking()
  readonly #disturbance: Disturbance
  /** of the run that began last */
  #lastWidth: RunWidth = 'wide'

  constructor(options: HarmOptions) {
    this.#options = options
    this.#disturbance = new Disturbance(options.times.stretch)
  }

  /**
   * @param slackMs what the budget leaves beyond the request's own time on the cheapest tier; infinite where it is not made late here
   * @param ownMs that time
   */
  arrived(slackMs: number, ownMs: number, nowMs: number): void {
    this.#blocking.arrived(slackMs, nowMs)
    this.#disturbance.arrived(slackMs, ownMs, nowMs)
  }

  /** A request was turned away unread. @param leftMs until its deadline */
  refused(leftMs: number, nowMs: number): void {
    this.#blocking.arrived(leftMs - this.#blocking.meanRunMs, nowMs)
  }

  began(runMs: number, width: RunWidth, nowMs: number): void {
    this.#lastWidth = width
    this.#blocking.began(runMs, nowMs)
  }

  /** @returns for each tier of the lane that might answer the request, the others that would then be late, expected */
  byRunning({ family, lengths, deadlineMs }: PossibleWork, nowMs: number): (tier: TierName) => number {
    const { nextWidth, runTimes, waiting, elsewhere } = this.#options
    const engines = once((width: RunWidth) => {
      const busyMs = this.#sortedBusyMs(nowMs, width)
      return { busyMs, othersMs: busyMs.slice(1).map((ms) => ms - busyMs[0]!) }
    })
    const look = () => ({ waiting: waiting(), elsewhere: elsewhere(nowMs) })
    let seen: ReturnType<typeof look> | undefined
    return (tier) => {
      seen ??= look()
      const key: TierKey = { family, tier }
      const width = nextWidth(key, lengths.length, nowMs)
      const { busyMs, othersMs } = engines(width)
      const runsMs = lengths.map((tokens) => runTimes(key, width).typical(tokens, 1))
      const toCome = runsMs.reduce((sum, runMs) => sum + this.#blocking.expectedLate(runMs, othersMs, nowMs), 0)
      const costMs = runsMs.reduce((sum, runMs) => sum + runMs, 0)
      const nowWaiting = waitingLate(seen.waiting, busyMs, { costMs, deadlineMs }, nowMs)
      return toCome + nowWaiting + (seen.elsewhere?.(costMs) ?? 0)
    }
  }

  /**
   * What a run of a lane that gives way to this one does.
   * @returns for a run of so many ms, the requests that it makes late, expected: of those that wait, where nothing slows them down
   *   yet; of those yet to come, which take longer themselves and wait for others that do
   */
  bySlowing(nowMs: number): (runMs: number) => number {
    const { times, waiting } = this.#options
    const stretch = times.stretch.typical
    const busyMs = this.#sortedBusyMs(nowMs, this.#lastWidth)
    const nowWaiting = times.slowed ? 0 : lateWhenStretched(waiting(), busyMs, stretch, nowMs)
    const ownMs = this.#blocking.meanRunMs
    const idleMs = busyMs.slice(1).fill(0)
    const behind = (ms: number) => this.#blocking.expectedLate(ms, idleMs, nowMs)
    const behindEach = Math.max(0, behind(stretch * ownMs) - behind(ownMs))
    // in proportion to the time that it takes
    const perMs = this.#disturbance.expectedLate(1, nowMs) + this.#blocking.runsDuring(1, nowMs) * behindEach
    return (runMs) => nowWaiting + runMs * perMs
  }

  #sortedBusyMs(nowMs: number, width: RunWidth): number[] {
    return this.#options.busyMs(nowMs, width).toSorted((a, b) => a - b)
  }
}
