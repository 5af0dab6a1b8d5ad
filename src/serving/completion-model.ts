/**
 * From "this much work lies ahead and the batch takes that long" to the latency that an answer promises. The sum of
 * wait and inference is an estimate of the middle; the factor that turns it into a promise kept 95% of the time is a
 * quantile of actual over estimated, learnt from answers, apart for requests that found an engine free and those that
 * had to wait.
 */
import { PROMISED_QUANTILE } from './latency-model.js'
import { QuantileWindow } from './quantile-window.js'

/** A request as it looked when it was routed. */
export interface CompletionEstimate {
  readonly waitMs: number
  readonly inferenceMs: number
}

/** What inter-process messages, aggregation and timers cost beside the batch itself. */
const OVERHEAD_MS = 0.5
const WINDOW = 512
/** Log factors believed at first: between exact and 16% over. */
const PRIOR = Array.from({ length: 60 }, (_, index) => (index * 0.15) / 59)

export class CompletionModel {
  readonly #free = new QuantileWindow(WINDOW, PRIOR)
  readonly #queued = new QuantileWindow(WINDOW, PRIOR)
  #promises = 0
  #kept = 0

  /** @returns ms from routing to answer that 95% of such requests stay within */
  predict(estimate: CompletionEstimate): number {
    return middleMs(estimate) * Math.exp(this.#window(estimate).quantile(PROMISED_QUANTILE))
  }

  /** Learns from an answered request. */
  observe(estimate: CompletionEstimate, predictedMs: number, actualMs: number): void {
    this.#window(estimate).observe(Math.log(Math.max(1e-3, actualMs) / middleMs(estimate)))
    this.#promises++
    if (actualMs <= predictedMs) this.#kept++
  }

  /** Share of answers that came within their prediction; undefined before the first. */
  get attainment(): number | undefined {
    return this.#promises === 0 ? undefined : this.#kept / this.#promises
  }

  #window({ waitMs }: CompletionEstimate): QuantileWindow {
    return waitMs > 0 ? this.#queued : this.#free
  }
}

function middleMs({ waitMs, inferenceMs }: CompletionEstimate): number {
  return waitMs + inferenceMs + OVERHEAD_MS
}
