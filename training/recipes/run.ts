/** What the stages of one run share. */
import type { TierName } from '../../src/family/family-schema.js'
import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import type { Engine } from '../engine/types.js'
import type { StartingPoint } from './base-model.js'
import type { TrainingConfig } from './config.js'
import type { OnEvent } from './events.js'
import type { PreparedData } from './prepare-data.js'
import type { TokenSet } from './token-set.js'
import type { TrainedModel } from './train-model.js'

export interface TrainFamilyOptions {
  readonly config: TrainingConfig
  readonly dataPath: string
  /** the family's folder */
  readonly outFolder: string
  /** config, split, audit, checkpoints and events of this run */
  readonly runFolder: string
  readonly resume: boolean
  /** where checkpoints from a hub are kept */
  readonly cacheFolder: string
  readonly engine: Engine
  /** recorded in the manifest: lextier, node, onnxruntime, tfjs */
  readonly versions: Readonly<Record<string, string>>
  readonly onEvent: OnEvent
}

export type Sides = Readonly<Record<'train' | 'validation' | 'test', TokenSet>>

export interface Run extends TrainFamilyOptions {
  readonly data: PreparedData
  readonly tokenizerFile: string
  readonly tokenizerJson: string
  readonly tokenizer: TextTokenizer
  readonly sides: Sides
  readonly maxTokens: number
}

/** A tier, or one of the fine-tunings that a teacher is distilled from. */
export type StageName = TierName | `teacher-member-${number}`

export interface FinishedModel extends StartingPoint {
  readonly trained: TrainedModel
  readonly method: string
  readonly seed: number
}

/** How sequences are batched for inference. */
export function batching({ config, maxTokens, tokenizer }: Run) {
  return { bucketWidth: config.bucket_width, maxTokens, padId: tokenizer.padId }
}
