/**
 * Messages between the main process and an inference process, over Node's IPC channel with structured clones. Batches and their logits go
 * as frames over a pipe of their own (batch-frames.ts); its end tells the engine to finish and exit.
 */
import type { TierName } from '../family/family-schema.js'
import type { Family } from '../family/load-family.js'
import type { Provider } from '../onnx/providers.js'
import type { RequestedVariant, VariantName } from '../onnx/variants/variant-names.js'
import type { LatencySample } from './latency-surface.js'
import type { RunWidth } from './run-width.js'

/** One tier of one family: what a model, a queue and a latency model belong to. */
export interface TierKey {
  readonly family: string
  readonly tier: TierName
}

/** @returns a map key; family names hold no slash */
export function tierId({ family, tier }: TierKey): string {
  return `${family}/${tier}`
}

/** First message: load and time every tier of these families. */
export interface LoadCommand {
  readonly type: 'load'
  /** an engine before it has loaded the same: the files are then checked again */
  readonly restarted?: boolean
  /** others serve on these CPUs until it is ready: it rests after each run of its warm-up */
  readonly gentle?: boolean
  readonly families: readonly Family[]
  readonly provider: Provider
  /** of a wide run */
  readonly threads: number
  /** the runs that it is asked for */
  readonly widths: readonly RunWidth[]
  /** which of several GPUs, counted from 0 */
  readonly device: number
  readonly variant: RequestedVariant
  /** where variants are kept between starts; undefined: nowhere */
  readonly cacheDir?: string | undefined
  /** above that of the processes that schedule and answer HTTP, so that answers are never late for want of CPU; 0 to 19 */
  readonly niceness: number
  /** once everything is loaded */
  readonly onlyWhenIdle?: boolean
  /** for how long the engine's process stays awake after a batch, ms; 0: not at all */
  readonly awakeMs: number
  /** how long a waiting thread keeps its CPU, µs; ONNX Runtime's choice unless told otherwise */
  readonly spinUs?: number
  /** the longest batch that will be asked for, padded tokens; default: what suits the provider and the model */
  readonly maxBatchTokens?: number
}

/** Among an engine's standard streams: the pipe of frames. */
export const FRAMES_FD = 4

/** A tier is loaded and its batch shapes are timed. */
export interface TierLoaded extends TierKey {
  readonly type: 'tier-loaded'
  readonly provider: string
  readonly variant: VariantName
  /** `file` for the portable model */
  readonly variantFrom: 'file' | 'cache' | 'built'
  /** variants that are not used, and why, a sentence each */
  readonly variantNotes: readonly string[]
  /** of each width that takes a time of its own */
  readonly profiles: Readonly<Partial<Record<RunWidth, readonly LatencySample[]>>>
  readonly loadMs: number
  readonly profileMs: number
}

export interface TierFailed extends TierKey {
  readonly type: 'tier-failed'
  /** an error code, such as PROVIDER_UNAVAILABLE */
  readonly code: string
  readonly message: string
}

/** Every tier was loaded or has failed: batches may come. */
export interface EngineReady {
  readonly type: 'ready'
}

/** The batch failed, the engine lives. */
export interface BatchFailed {
  readonly type: 'batch-failed'
  readonly batchId: number
  /** an error code, such as GPU_MEMORY_EXHAUSTED */
  readonly code: string
  readonly message: string
}

export type EngineReport = TierLoaded | TierFailed | EngineReady | BatchFailed
