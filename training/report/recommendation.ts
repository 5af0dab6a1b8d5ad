/** Which model of a study to deploy, by a rule that is printed with the answer. */
import type { Latency, ModelResult, StudyResults } from '../study/results.js'
import { ranked } from './ranking.js'

/** A model this much below the best in accuracy still counts as good enough: less than most test sets can resolve. */
export const TOLERANCE = 0.01
export const SIGNIFICANCE = 0.05

/** One kind of call that latency was measured for. */
export type Call = Omit<Latency, 'p50Ms' | 'p95Ms'>

export interface Recommendation {
  /** the model to deploy; absent where no model beats the majority baseline or none was trained */
  readonly model?: ModelResult
  /** the first of the leaderboard */
  readonly best?: ModelResult
  /** models whose accuracy interval lies above the majority baseline's accuracy */
  readonly beatMajority: readonly ModelResult[]
  /** the calls by which the fastest was found; absent where latency was not measured: the smallest was taken */
  readonly call?: Call
}

/**
 * Of the models that beat the majority baseline (the whole 95% interval of accuracy above it), the fastest whose accuracy is
 * within a point of the best one's.
 */
export function recommend(results: StudyResults): Recommendation {
  const [best] = ranked(results.models)
  const beatMajority = results.models.filter((model) => beatsMajority(model, results))
  const call = comparedCall(results.models)
  const found = { beatMajority, ...(best && { best }), ...(call && { call }) }
  if (!best || !beatMajority.includes(best)) return found
  const goodEnough = beatMajority.filter(
    ({ quality }) => quality.accuracy.value >= best.quality.accuracy.value - TOLERANCE - 1e-12,
  )
  const cost = (model: ModelResult) => (call ? (latencyOf(model, call)?.p50Ms ?? Infinity) : model.parameters)
  const model = goodEnough.reduce((cheapest, other) => {
    if (cost(other) !== cost(cheapest)) return cost(other) < cost(cheapest) ? other : cheapest
    return other.quality.accuracy.value > cheapest.quality.accuracy.value ? other : cheapest
  })
  return { ...found, model }
}

export function beatsMajority({ quality }: ModelResult, { majority }: StudyResults): boolean {
  return quality.accuracy.low > majority.accuracy
}

/** What was measured of a model for a kind of call. */
export function latencyOf({ latency }: ModelResult, { provider, batch, tokens }: Call): Latency | undefined {
  return latency.find((row) => row.provider === provider && row.batch === batch && row.tokens === tokens)
}

/** The kind of call by which models are compared: measured for most of them; then on the CPU, of one text, the longest. */
function comparedCall(models: readonly ModelResult[]): Call | undefined {
  const calls = new Map<string, Call & { models: number }>()
  for (const { latency } of models) {
    for (const { provider, batch, tokens } of latency) {
      const key = `${provider} ${batch} ${tokens}`
      calls.set(key, { provider, batch, tokens, models: (calls.get(key)?.models ?? 0) + 1 })
    }
  }
  const [first] = [...calls.values()].sort(
    (a, b) =>
      b.models - a.models ||
      Number(b.provider === 'cpu') - Number(a.provider === 'cpu') ||
      a.batch - b.batch ||
      b.tokens - a.tokens,
  )
  return first && { provider: first.provider, batch: first.batch, tokens: first.tokens }
}

/** `cpu, 1 text of 256 tokens` */
export function describeCall({ provider, batch, tokens }: Call): string {
  return `${provider}, ${batch === 1 ? '1 text' : `${batch} texts`} of ${tokens} tokens`
}
