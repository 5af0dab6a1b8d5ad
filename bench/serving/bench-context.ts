/** What every phase of the serving bench works with. */
import type { RequestedTier } from '../../src/serving/types.js'
import type { Random } from '../../training/random.js'
import type { RunningServer } from '../host/running-server.js'
import type { Observation } from '../load/observation.js'
import type { PredictClient } from '../load/predict-client.js'
import type { WorkloadText } from '../workload/workload.js'

export interface BenchContext {
  readonly server: RunningServer
  readonly client: PredictClient
  readonly nextText: () => WorkloadText
  readonly random: Random
}

/** Sends the next text. @param budgetsMs one is drawn for each request; empty: none */
export function sendNext(
  { client, nextText, random }: BenchContext,
  tier: RequestedTier,
  budgetsMs: readonly number[],
  intendedMs?: number,
): Promise<Observation> {
  const budgetMs = budgetsMs.length === 0 ? undefined : budgetsMs[random.integer(budgetsMs.length)]
  return client.predict({ body: nextText().body, tier, budgetMs, ...(intendedMs !== undefined && { intendedMs }) })
}
