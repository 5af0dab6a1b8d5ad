/** With how many threads a lane's next batch runs, as its scheduler sees it: what waits, and what has come lately. */
import type { WaitingSequence } from './batch-planner.js'
import type { TierKey } from './engine-protocol.js'
import type { LaneTimes } from './lane-times.js'
import { OfferedLoad } from './offered-load.js'
import type { Crowd, RunWidth } from './run-width.js'

/** What waits, and what is to be expected. */
export type QueueState = Omit<Crowd, 'stretch'>

export interface WidthChoiceOptions {
  readonly times: LaneTimes
  /** sequences that wait */
  waiting(): number
  /** of the engines; default: always wide */
  nextWidth?(key: TierKey, queue: QueueState): RunWidth
}

export class WidthChoice {
  readonly #options: WidthChoiceOptions
  /** of wide runs */
  readonly #load = new OfferedLoad()

  constructor(options: WidthChoiceOptions) {
    this.#options = options
  }

  arrived(key: TierKey, sequences: readonly { readonly length: number }[], nowMs: number): void {
    const times = this.#options.times.of(key, 'wide')
    this.#load.arrived(
      sequences.reduce((sum, { length }) => sum + times.typical(length, 1), 0),
      nowMs,
    )
  }

  /** @returns how so many sequences would run that come now */
  ifCame(key: TierKey, sequences: number, nowMs: number): RunWidth {
    return this.#next(key, nowMs, { sequences, expectsMore: false })
  }

  /** @param head of what waits @param expectsMore what waits had to */
  ofNext(key: TierKey, head: WaitingSequence, expectsMore: boolean, nowMs: number): RunWidth {
    return this.#next(key, nowMs, { sequences: 0, expectsMore, isUrgent: this.#isUrgent(key, head, nowMs) })
  }

  #next(key: TierKey, nowMs: number, state: Omit<QueueState, 'load'>): RunWidth {
    const { nextWidth, waiting } = this.#options
    if (!nextWidth) return 'wide'
    const { sequences, expectsMore, isUrgent = false } = state
    return nextWidth(key, { sequences: waiting() + sequences, expectsMore, isUrgent, load: this.#load.at(nowMs) })
  }

  /** Only a wide run is predicted to meet its deadline. */
  #isUrgent(key: TierKey, { tokens, deadlineMs, strict }: WaitingSequence, nowMs: number): boolean {
    const isMet = (width: RunWidth) => nowMs + this.#options.times.of(key, width).predict(tokens, 1) <= deadlineMs
    return strict === true && !isMet('narrow') && isMet('wide')
  }
}
