/** Which batches an epoch has and how fast each step learns: functions of (seed, epoch, step) alone. */
import { type BatchPlan, lengthBucketedBatches } from '../data/length-buckets.js'
import { linearSchedule } from '../optim/linear-schedule.js'
import { createRandom } from '../random.js'
import type { OptimisationConfig } from './config.js'

export interface LoopSchedule {
  /** tokens of every training sequence, special tokens included */
  readonly lengths: readonly number[]
  readonly options: OptimisationConfig
  readonly maxTokens: number
  readonly bucketWidth: number
  readonly runLength: number
  readonly seed: number
}

/** @param epoch counted from 0 */
export function epochPlans(schedule: LoopSchedule, epoch: number): BatchPlan[] {
  const { lengths, options, bucketWidth, maxTokens: maxLength, runLength, seed } = schedule
  const buckets = { batchSize: options.batch_size, bucketWidth, maxLength, runLength }
  const plans = lengthBucketedBatches(lengths, buckets, createRandom(seed).fork(`epoch ${epoch}`))
  return plans.flatMap((plan) => {
    const rows = usableRows(plan.indices.length, options.accumulation)
    return rows > 0 ? [{ ...plan, indices: plan.indices.slice(0, rows) }] : []
  })
}

/** Every batch but an epoch's last is full, so that each epoch has the same number of them. */
export function batchesPerEpoch({ lengths, options }: Pick<LoopSchedule, 'lengths' | 'options'>): number {
  const { batch_size: size, accumulation } = options
  const full = Math.floor(lengths.length / size)
  return usableRows(lengths.length % size, accumulation) > 0 ? full + 1 : full
}

/** @param step counted from 0 over all epochs */
export function learningRateAt(schedule: Pick<LoopSchedule, 'lengths' | 'options'>, step: number): number {
  const { learning_rate: peak, warmup: warmupShare, epochs } = schedule.options
  return linearSchedule({ peak, warmupShare, totalSteps: epochs * batchesPerEpoch(schedule) })(step)
}

/** Micro-batches are of equal size: what does not fill the last ones waits for another epoch's shuffle. */
function usableRows(rows: number, accumulation: number): number {
  return rows - (rows % accumulation)
}
