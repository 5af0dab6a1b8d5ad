/** What `npm run bench -- peers` reports, as JSON. */
import type { TierName } from '../../src/family/family-schema.js'
import type { Placement } from '../host/placement.js'
import type { Trial } from '../load/search-goodput.js'
import type { BenchResult } from '../output/write-result.js'
import type { Layout, Skipped } from './candidate.js'
import type { PeerCapacity } from './measure-candidate.js'
import type { PeersOptions } from './peers-options.js'

export interface TunedLayout extends Pick<PeerCapacity, 'textsPerSecond' | 'errors'> {
  readonly layout: Layout
  /** why it did not run; it then answered 0 texts a second */
  readonly failure?: string
}

export interface CandidateResult {
  readonly name: string
  readonly versions: Readonly<Record<string, string>>
  readonly readyAfterMs: number
  readonly layout: Layout
  /** capacity of every layout tried; the best one was taken */
  readonly tuning: readonly TunedLayout[]
  readonly capacity: PeerCapacity
  /** the highest rate whose p99 kept the limit; null when none of those tried did */
  readonly goodput: Trial | null
  readonly trials: readonly Trial[]
  /** at the rates that all candidates got */
  readonly atCommonRates: readonly Trial[]
  /** share of texts that it labels as lextier does: the same model is at work */
  readonly sameLabels: number
}

export interface PeersResult extends BenchResult {
  readonly bench: 'peers'
  readonly family: string
  readonly version: string
  readonly tier: TierName
  readonly placement: Placement
  readonly workload: { readonly source: string; readonly synthetic: boolean; readonly texts: number }
  readonly options: Omit<PeersOptions, 'installFolder' | 'peers'> & { readonly seconds: number; readonly seed: number }
  readonly commonRatesPerSecond: readonly number[]
  readonly candidates: readonly CandidateResult[]
  readonly skipped: readonly Skipped[]
}
