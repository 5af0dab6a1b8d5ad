import { majorityBaseline } from '../evaluation/quality.js'
import type { Loss } from '../losses/loss.js'
import { decayedParameters, layerwiseFactors } from '../optim/parameter-groups.js'
import { makeInference, makeTrainStep } from '../optim/train-step.js'
import { createRandom } from '../random.js'
import type { StartingPoint } from './base-model.js'
import type { OptimisationConfig } from './config.js'
import type { TokenSet } from './token-set.js'
import type { TrainingTask } from './train-model.js'

export interface Objective {
  readonly loss: Loss
  /** for the report */
  readonly method: string
  /** decides batches and dropout */
  readonly seed: number
  /** on the training examples, where the loss has soft targets */
  readonly teacherLogits?: readonly Float32Array[] | undefined
}

export interface ClassifierTask
  extends Pick<TrainingTask, 'stage' | 'padId' | 'maxTokens' | 'bucketWidth' | 'runLength'> {
  readonly start: Pick<StartingPoint, 'config' | 'parameters'>
  readonly options: OptimisationConfig
  readonly objective: Omit<Objective, 'method'>
  readonly sides: { readonly train: TokenSet; readonly validation: TokenSet }
  /** in the order of the logits */
  readonly labelNames: readonly string[]
}

/** What trainModel has to be told to fit a classifier. */
export function classifierTask({
  start,
  options,
  objective,
  sides,
  labelNames,
  ...task
}: ClassifierTask): TrainingTask {
  const { loss, seed, teacherLogits } = objective
  const { train, validation } = sides
  return {
    ...task,
    initial: start.parameters,
    extraParameters: loss.initialParameters?.(createRandom(seed)),
    frozen: loss.frozen,
    step: makeTrainStep({
      config: start.config,
      loss,
      ...(options.dropout > 0 && { dropout: { rate: options.dropout } }),
      accumulation: options.accumulation,
      optimiser: {
        weightDecay: options.weight_decay,
        clipNorm: options.clip_norm,
        decays: decayedParameters(start.config),
        learningRateFactor: layerwiseFactors(start.config, options.layer_decay),
      },
    }),
    infer: makeInference(start.config),
    train,
    teacherLogits,
    validation,
    majority: majorityBaseline(train.labels, validation.labels, labelNames),
    options,
    seed,
  }
}
