/**
 * From "this much work lies ahead and the batch takes that long" to the latency that an answer promises. The sum of
 * wait and inference is an estimate of the middle; the factor that turns it into a promise kept 95% of the time is a
 * quantile of actual over estimated, learnt from answers, apart for requests that found an engine free, those whose wait
 * is short beside their own inference, and those that mostly wait: what is uncertain differs between them.
 */
import { AdaptiveLevel } from './adaptive-level.js'
import { PROMISED_QUANTILE } from './latency-model.js'
import { Neglect } from './neglect.js'
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
const PRIOR_FREE = Array.from({ length: 60 }, (_, index) => (index * 0.15) / 59)
/** With a wait: up to twice as long, since the batch that it joins may hold others and what waits ahead is not known well. */
const PRIOR_QUEUED = Array.from({ length: 60 }, (_, index) => -0.3 + index / 59)
/** Waits of more than so many times the inference are told apart from shorter ones. */
const MOSTLY_WAITING = 2

/** What the tiers of a family that run on the same engines learn together: they wait in the same queues. */
export class SharedPromises {
  learnt = promisesAtFirst()
  /** of all of these tiers: what one of them still teaches of waits is not forgotten with another */
  readonly neglect = new Neglect()

  forget(): void {
    this.learnt = promisesAtFirst()
  }
}

function promisesAtFirst() {
  return {
    /** a load or a machine that changes breaks the promises of every tier at once */
    level: new AdaptiveLevel(PROMISED_QUANTILE),
    soon: new QuantileWindow(WINDOW, PRIOR_QUEUED),
    queued: new QuantileWindow(WINDOW, PRIOR_QUEUED),
  }
}

export class CompletionModel {
  #free = new QuantileWindow(WINDOW, PRIOR_FREE)
  readonly #shared: SharedPromises
  #promises = 0
  #kept = 0

  /** @param shared one for the tiers of a family that run on the same engines */
  constructor(shared = new SharedPromises()) {
    this.#shared = shared
  }

  /** @returns ms from routing to answer that 95% of such requests stay within */
  predict(estimate: CompletionEstimate): number {
    return middleMs(estimate) * Math.exp(this.#shared.learnt.level.quantile(this.#window(estimate)))
  }

  /**
   * @returns ms from routing to answer on an idle server, 95% of such requests within: what a budget is held against to tell
   *   whether it can be met at all, and so not moved by how the promises of the moment fare
   */
  predictIdle(inferenceMs: number): number {
    return middleMs({ waitMs: 0, inferenceMs }) * Math.exp(this.#free.quantile(PROMISED_QUANTILE))
  }

  /** @returns how likely such a request is to take longer, from routing to answer */
  shareBeyond(estimate: CompletionEstimate, ms: number): number {
    if (ms <= 0) return 1
    return this.#window(estimate).shareAbove(Math.log(ms / middleMs(estimate)))
  }

  /** Learns from an answered request. */
  observe(estimate: CompletionEstimate, predictedMs: number, actualMs: number): void {
    const kept = actualMs <= predictedMs
    this.#window(estimate).observe(Math.log(Math.max(1e-3, actualMs) / middleMs(estimate)))
    this.#shared.learnt.level.observe(kept)
    this.#shared.neglect.answered()
    this.#promises++
    if (kept) this.#kept++
  }

  /** It was weighed and another tier chosen: what tiers learnt together is believed as at first once none of them has answered for long. */
  passedOver(nowMs: number): void {
    if (this.#shared.neglect.passedOver(nowMs)) this.#shared.forget()
  }

  /** Believes of itself what it believed at first. */
  forget(): void {
    this.#free = new QuantileWindow(WINDOW, PRIOR_FREE)
  }

  /** Share of answers that came within their prediction; undefined before the first. */
  get attainment(): number | undefined {
    return this.#promises === 0 ? undefined : this.#kept / this.#promises
  }

  #window({ waitMs, inferenceMs }: CompletionEstimate): QuantileWindow {
    if (waitMs <= 0) return this.#free
    const { soon, queued } = this.#shared.learnt
    return waitMs <= MOSTLY_WAITING * inferenceMs ? soon : queued
  }
}

function middleMs({ waitMs, inferenceMs }: CompletionEstimate): number {
  return waitMs + inferenceMs + OVERHEAD_MS
}
