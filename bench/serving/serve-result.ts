/** What `npm run bench -- serve` reports, as JSON. Times are milliseconds unless their names say otherwise. */
import type { TierName } from '../../src/family/family-schema.js'
import type { Placement } from '../host/placement.js'
import type { ProcessTreeUsage } from '../host/process-tree.js'
import type { EngineChoice } from '../host/running-server.js'
import type { DurationPercentiles } from '../load/percentile.js'
import type { BenchResult } from '../output/write-result.js'
import type { RawThroughput } from '../raw/measure-raw.js'
import type { Workload } from '../workload/workload.js'
import type { Capacity } from './measure-capacity.js'
import type { OpenLoopResult } from './measure-open-loop.js'

export interface TierResult {
  readonly tier: TierName
  readonly architecture: string
  readonly parameters: number
  /** one request at a time */
  readonly idle: DurationPercentiles & { readonly requests: number }
  readonly capacity: Capacity
  readonly raw: RawThroughput
  /** served tokens a second over the best raw ones */
  readonly shareOfRaw: number
  /** the same for each second of CPU time: it leaves out what the load generator took; null where CPU time is not told */
  readonly shareOfRawPerCpuSecond: number | null
}

/** Padded tokens that the server lets a batch have, by tier. */
export type BatchTokenLimits = Readonly<Partial<Record<TierName, number>>>

/** What the result of every bench of the server says of its run. */
export interface RunDescription extends Pick<BenchResult, 'environment'> {
  readonly family: string
  readonly version: string
  readonly workload: Omit<Workload, 'texts'> & { readonly texts: number }
  readonly options: {
    readonly seconds: number
    readonly seed: number
    readonly maxBatchTokens: BatchTokenLimits
    readonly textsPerRequest: number
  }
  readonly placement: Placement
  readonly server: EngineChoice & {
    readonly from: 'dist' | 'source'
    readonly readyAfterMs: number
    /** null where there is no /proc */
    readonly whenReady: ProcessTreeUsage | null
    readonly atEnd: ProcessTreeUsage | null
  }
}

export interface ServeResult extends BenchResult, RunDescription {
  readonly bench: 'serve'
  readonly tiers: readonly TierResult[]
  /** drawn with equal chances by every request below */
  readonly budgetsMs: readonly number[]
  readonly mixedCapacity: Capacity
  readonly openLoop: readonly OpenLoopResult[]
  /** reasons to doubt the figures, a sentence each */
  readonly warnings: readonly string[]
}
