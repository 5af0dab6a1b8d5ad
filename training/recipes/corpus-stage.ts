/** What the recipes on unlabelled text share. */
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { HostTensors } from '../../src/family/tensor.js'
import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import type { CorpusWindows } from '../data/corpus-windows.js'
import { type BatchPlan, lengthBucketedBatches } from '../data/length-buckets.js'
import type { Engine } from '../engine/types.js'
import type { AdamWSettings } from '../optim/adamw.js'
import { decayedParameters, layerwiseFactors } from '../optim/parameter-groups.js'
import { createRandom } from '../random.js'
import type { OptimisationConfig } from './config.js'
import type { OnEvent } from './events.js'
import type { StageFiles } from './run-folder.js'
import type { LoopTask, ValidationFigures } from './training-loop.js'

export interface CorpusStage {
  /** the name in events */
  readonly stage: string
  readonly files: StageFiles
  /** where the result goes, as a Hugging Face folder */
  readonly checkpointFolder: string
  readonly windows: CorpusWindows
  readonly tokenizer: TextTokenizer
  /** the content of its tokenizer.json, for the checkpoint */
  readonly tokenizerJson: string
  readonly options: OptimisationConfig
  /** longest window, special tokens included */
  readonly maxTokens: number
  readonly bucketWidth: number
  readonly runLength: number
  readonly seed: number
  readonly engine: Engine
  readonly onEvent: OnEvent
}

export interface CorpusModel {
  readonly config: EncoderConfig
  readonly parameters: HostTensors
}

/** The parts of a loop's task that follow from the stage alone. */
export function corpusLoop({ stage, windows, options, maxTokens, bucketWidth, runLength, seed }: CorpusStage) {
  return {
    stage,
    lengths: windows.train.map((window) => window.length),
    options,
    maxTokens,
    bucketWidth,
    runLength,
    seed,
  } satisfies Partial<LoopTask<ValidationFigures>>
}

/** @param decays whether weight decay applies, for parameters that are no part of the encoder */
export function corpusOptimiser(
  config: EncoderConfig,
  options: OptimisationConfig,
  decays: (name: string) => boolean = decayedParameters(config),
): AdamWSettings {
  return {
    weightDecay: options.weight_decay,
    clipNorm: options.clip_norm,
    decays,
    learningRateFactor: layerwiseFactors(config, options.layer_decay),
  }
}

/** The validation windows in batches, the same at every call; only the last is not full. */
export function validationPlans({ windows, options, bucketWidth, maxTokens, seed }: CorpusStage): BatchPlan[] {
  const lengths = windows.validation.map((window) => window.length)
  const batchSize = Math.max(1, Math.floor(options.batch_size / options.accumulation))
  const random = createRandom(seed).fork('validation')
  return lengthBucketedBatches(lengths, { batchSize, bucketWidth, maxLength: maxTokens }, random)
}
