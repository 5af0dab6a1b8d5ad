/** What a run of requests amounted to. Pure. */
import { type AnsweredObservation, isAnswered, isPromise, type Observation } from './observation.js'
import { type DurationPercentiles, durationPercentiles } from './percentile.js'

export interface BudgetAttainment {
  readonly budgetMs: number
  readonly requests: number
  /** answered within the budget, on the client's clock, from the intended send; errors are misses */
  readonly met: number
}

export interface LoadSummary {
  readonly requests: number
  readonly answered: number
  /** requests by error code */
  readonly errors: Readonly<Record<string, number>>
  /** of answered requests, from the intended send to the last byte */
  readonly latency: DurationPercentiles
  /** the load generator's own lateness, which `latency` includes */
  readonly sendLag: DurationPercentiles
  /** answers by tier */
  readonly tiers: Readonly<Record<string, number>>
  /** answers by routing reason */
  readonly reasons: Readonly<Record<string, number>>
  /** of all requests that had a budget, errors being misses; null where none had one */
  readonly budget: {
    readonly requests: number
    /** share, on the client's clock, from the intended send */
    readonly metSeenByClient: number
    /** share that the server said were met */
    readonly metSaidByServer: number
    /** the server's word on those that it routed as feasible (`isPromise`) */
    readonly metWherePromised: number | null
    readonly byBudget: readonly BudgetAttainment[]
  } | null
  readonly prediction: {
    /** share of answers whose actual time was at most the predicted one; the server aims at 0.95 */
    readonly within: number
    /** actual over predicted time, median */
    readonly medianRatio: number
  } | null
}

export function summariseLoad(observations: readonly Observation[]): LoadSummary {
  const answers = observations.filter(isAnswered)
  return {
    requests: observations.length,
    answered: answers.length,
    errors: countBy(observations, ({ outcome }) => ('errorCode' in outcome ? outcome.errorCode : undefined)),
    latency: durationPercentiles(answers.map(({ intendedMs, endedMs }) => endedMs - intendedMs)),
    sendLag: durationPercentiles(observations.map(({ intendedMs, sentMs }) => sentMs - intendedMs)),
    tiers: countBy(answers, ({ outcome }) => outcome.tier),
    reasons: countBy(answers, ({ outcome }) => outcome.reason),
    budget: attainment(observations),
    prediction: predictionQuality(answers),
  }
}

function attainment(observations: readonly Observation[]): LoadSummary['budget'] {
  const budgeted = observations.filter(({ budgetMs }) => budgetMs !== undefined)
  if (budgeted.length === 0) return null
  const answers = budgeted.filter(isAnswered)
  const promised = answers.filter(({ outcome }) => isPromise(outcome))
  const budgetsMs = [...new Set(budgeted.map(({ budgetMs }) => budgetMs!))].sort((a, b) => a - b)
  const byBudget = budgetsMs.map((budgetMs) => {
    const own = budgeted.filter((observation) => observation.budgetMs === budgetMs)
    return { budgetMs, requests: own.length, met: own.filter(seenInTime).length }
  })
  const saidMet = ({ outcome }: AnsweredObservation) => outcome.budgetMet === true
  return {
    requests: budgeted.length,
    metSeenByClient: budgeted.filter(seenInTime).length / budgeted.length,
    metSaidByServer: answers.filter(saidMet).length / budgeted.length,
    metWherePromised: promised.length === 0 ? null : promised.filter(saidMet).length / promised.length,
    byBudget,
  }
}

function seenInTime(observation: Observation): boolean {
  return isAnswered(observation) && observation.endedMs - observation.intendedMs <= observation.budgetMs!
}

function predictionQuality(answers: readonly AnsweredObservation[]): LoadSummary['prediction'] {
  if (answers.length === 0) return null
  const ratios = answers.map(({ outcome }) => outcome.actualMs / outcome.predictedMs).sort((a, b) => a - b)
  return {
    within: answers.filter(({ outcome }) => outcome.actualMs <= outcome.predictedMs).length / answers.length,
    medianRatio: ratios[Math.floor((ratios.length - 1) / 2)]!,
  }
}

function countBy<T>(items: readonly T[], key: (item: T) => string | undefined): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const item of items) {
    const found = key(item)
    if (found !== undefined) counts[found] = (counts[found] ?? 0) + 1
  }
  return counts
}
