/** Training a classifier, teacher or student, on labelled texts: early stopping on validation NLL. */
import type { HostTensors } from '../../src/family/tensor.js'
import { batchRows } from '../data/batch-rows.js'
import type { BatchPlan } from '../data/length-buckets.js'
import { padBatch } from '../data/pad-batch.js'
import type { Engine, InferenceFunction, StepFunction } from '../engine/types.js'
import type { OptimisationConfig } from './config.js'
import type { OnEvent } from './events.js'
import type { EpochOf } from './loop-progress.js'
import { meanNll } from './mean-nll.js'
import { predictSequences } from './predict-sequences.js'
import type { StageFiles } from './run-folder.js'
import type { TokenSet } from './token-set.js'
import { type Baseline, type LoopResult, trainingLoop } from './training-loop.js'

/** What training reads of a token set. */
export type LabelledSequences = Pick<TokenSet, 'sequences' | 'labels'>

export interface TrainingTask {
  /** `teacher`, `balanced`, `fast`: the folder and the name in events */
  readonly stage: string
  /** the model's parameters, which `infer` takes */
  readonly initial: HostTensors
  /** tensors that only the loss needs, such as projections: trained and checkpointed with the model, not part of it */
  readonly extraParameters?: HostTensors | undefined
  /** what the step needs beside state and batch, the same at every step: a teacher's parameters */
  readonly frozen?: HostTensors | undefined
  readonly step: StepFunction
  readonly infer: InferenceFunction
  readonly train: LabelledSequences
  /** students: the teacher's logits on `train`, [examples, labels] */
  readonly teacherLogits?: readonly Float32Array[] | undefined
  readonly validation: LabelledSequences
  /** keep the initial weights when no epoch makes them better (a stage that continues another); off unless told otherwise */
  readonly startCounts?: boolean | undefined
  /** what always answering with the training label shares scores on `validation`, shown beside every figure */
  readonly majority: Baseline
  readonly options: OptimisationConfig
  readonly padId: number
  readonly maxTokens: number
  readonly bucketWidth: number
  readonly runLength: number
  readonly seed: number
}

interface Figures {
  readonly validationNll: number
  readonly validationAccuracy: number
}

export type EpochRecord = EpochOf<Figures>

/** The weights of the epoch with the lowest validation NLL, without extra parameters. */
export type TrainedModel = LoopResult<Figures>

/**
 * @returns the best weights; a stage that was begun before continues
 * @throws LossNotFinite naming the step; the last good checkpoint stays
 */
export function trainModel(
  task: TrainingTask,
  engine: Engine,
  files: StageFiles,
  onEvent: OnEvent,
): Promise<TrainedModel> {
  const { extraParameters = {}, validation } = task
  const modelOnly = (trained: HostTensors): HostTensors =>
    Object.fromEntries(Object.entries(trained).filter(([name]) => extraParameters[name] === undefined))
  return trainingLoop<Figures>(
    {
      ...task,
      initial: { ...task.initial, ...extraParameters },
      lengths: task.train.sequences.map((sequence) => sequence.length),
      batch: (plan) => labelledBatch(task, plan),
      kept: modelOnly,
      baseline: task.majority,
      validation: {
        infer: task.infer,
        parameters: modelOnly,
        async measure(evaluator) {
          const logits = await predictSequences(evaluator, validation.sequences, task)
          const { nll, accuracy } = meanNll(logits, validation.labels)
          return { minimised: nll, figures: { validationNll: nll, validationAccuracy: accuracy } }
        },
      },
    },
    engine,
    files,
    onEvent,
  )
}

/** Tokens, labels and, for students, teacher logits. */
function labelledBatch({ train, teacherLogits, padId }: TrainingTask, plan: BatchPlan): HostTensors {
  const { indices, paddedLength } = plan
  const tokens = padBatch(
    indices.map((i) => train.sequences[i]!),
    paddedLength,
    padId,
  )
  return {
    ...tokens,
    labels: { shape: [indices.length], values: Int32Array.from(indices, (i) => train.labels[i]!) },
    ...(teacherLogits && { teacherLogits: batchRows(teacherLogits, indices) }),
  }
}
