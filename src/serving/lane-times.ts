/** How long batches take on a lane's engines as things are: alone, or beside the runs of a lane that slows them down. */
import type { BusyClock } from './busy-clock.js'
import type { TierKey } from './engine-protocol.js'
import type { LatencyModel, RunTimes } from './latency-model.js'
import { isDisturbed, RunStretch } from './run-stretch.js'
import type { RunWidth } from './run-width.js'

export interface LaneTimesOptions {
  latencyModel(key: TierKey, width: RunWidth): LatencyModel
  /** when engines run that slow down those of this lane; undefined: there are none */
  slowedBy(): Pick<BusyClock, 'busy' | 'readingMs'> | undefined
}

/** `rows` sequences of `tokens` tokens. */
export interface RunShape {
  readonly key: TierKey
  readonly width: RunWidth
  readonly tokens: number
  readonly rows: number
}

export class LaneTimes {
  readonly stretch = new RunStretch()
  readonly #options: LaneTimesOptions

  constructor(options: LaneTimesOptions) {
    this.#options = options
  }

  /** What slows the lane down is on. */
  get slowed(): boolean {
    return this.#options.slowedBy()?.busy ?? false
  }

  /**
   * Times of batches as long as things stay as they are. What slows a lane down stands nearly still while the lane runs: whatever is
   * on now is still on when what waits has its turn.
   */
  of(key: TierKey, width: RunWidth): RunTimes {
    const model = this.#options.latencyModel(key, width)
    return this.slowed ? this.stretch.disturbed(model) : model
  }

  /** A run is given to an engine. @returns what learns from it when it is done: the model's times, or what other runs make of them */
  began(run: RunShape, givenMs: number): (startMs: number, doneMs: number) => void {
    const { key, width, tokens, rows } = run
    const model = this.#options.latencyModel(key, width)
    const others = this.#options.slowedBy()
    const beforeMs = others?.readingMs(givenMs) ?? 0
    return (startMs, doneMs) => {
      const takenMs = doneMs - startMs
      const besideMs = (others?.readingMs(doneMs) ?? 0) - beforeMs
      const disturbed = isDisturbed(besideMs / Math.max(Number.MIN_VALUE, doneMs - givenMs))
      if (others) this.stretch.observe(takenMs / model.typical(tokens, rows), disturbed)
      if (!disturbed) model.observe(tokens, rows, takenMs)
    }
  }
}
