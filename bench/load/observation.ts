/** What a load generator saw of one request. Times are readings of `performance.now()`. */
import type { TierName } from '../../src/family/family-schema.js'
import type { RoutingReason } from '../../src/serving/types.js'
import type { Completion } from './completion-rate.js'

/** What the server said of its answer. */
export interface Answer {
  readonly tier: TierName
  readonly reason: RoutingReason
  /** from arrival to answer, as promised when the request was routed */
  readonly predictedMs: number
  /** from arrival to answer, on the server's clock */
  readonly actualMs: number
  /** undefined when there was no budget */
  readonly budgetMet: boolean | undefined
  /** of the request */
  readonly texts: number
  /** of the texts, without special tokens */
  readonly tokens: number
}

export interface Observation {
  /** when the schedule wanted it sent; in a closed loop, when it was sent */
  readonly intendedMs: number
  readonly sentMs: number
  readonly endedMs: number
  readonly budgetMs: number | undefined
  /** an answer, or the code of an error: the server's (`OVERLOADED`), the network's (`ECONNRESET`) or `CLIENT_TIMEOUT` */
  readonly outcome: Answer | { readonly errorCode: string }
}

export type AnsweredObservation = Observation & { readonly outcome: Answer }

export function isAnswered(observation: Observation): observation is AnsweredObservation {
  return 'tier' in observation.outcome
}

/** The answered ones, as work that was done. */
export function completionsOf(observations: readonly Observation[]): Completion[] {
  return observations.filter(isAnswered).map(({ endedMs, outcome: { texts, tokens } }) => ({ endedMs, texts, tokens }))
}

const PROMISES = new Set(['most_accurate_within_budget', 'protects_others', 'fell_back'])

/** Whether the server said that this answer would be in time. */
export function isPromise({ reason }: Answer): boolean {
  return PROMISES.has(reason)
}
