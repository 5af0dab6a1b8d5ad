import { join } from 'node:path'
import { saveCheckpoint } from '../checkpoint/save-checkpoint.js'
import { majorityBaseline } from '../evaluation/quality.js'
import type { Loss } from '../losses/loss.js'
import { decayedParameters, layerwiseFactors } from '../optim/parameter-groups.js'
import { makeInference, makeTrainStep } from '../optim/train-step.js'
import { createRandom } from '../random.js'
import type { StartingPoint } from './base-model.js'
import type { OptimisationConfig } from './config.js'
import type { OnEvent } from './events.js'
import { predictSequences } from './predict-sequences.js'
import { batching, type FinishedModel, type Run, type StageName } from './run.js'
import { readJson, readSnapshot, type StageFiles, stageFiles } from './run-folder.js'
import { type TrainedModel, trainModel } from './train-model.js'
import { partingLossesWarning } from './warnings.js'

export interface Objective {
  readonly loss: Loss
  /** for the report */
  readonly method: string
  /** decides batches and dropout */
  readonly seed: number
  /** on the training examples, where the loss has soft targets */
  readonly teacherLogits?: readonly Float32Array[] | undefined
}

/**
 * Fits one model, or reads it back when the run has finished it before.
 * @param stage names the folder of its checkpoints
 */
export async function fitModel(
  run: Run,
  stage: StageName,
  start: StartingPoint,
  options: OptimisationConfig,
  objective: Objective,
): Promise<FinishedModel> {
  const { config, engine, sides, onEvent } = run
  const files = stageFiles(run.runFolder, stage)
  const step = makeTrainStep({
    config: start.config,
    loss: objective.loss,
    ...(options.dropout > 0 && { dropout: { rate: options.dropout } }),
    accumulation: options.accumulation,
    optimiser: {
      weightDecay: options.weight_decay,
      clipNorm: options.clip_norm,
      decays: decayedParameters(start.config),
      learningRateFactor: layerwiseFactors(start.config, options.layer_decay),
    },
  })
  const majority = majorityBaseline(sides.train.labels, sides.validation.labels, run.data.dataset.labels)
  const trained =
    (await finishedStage(files, stage, onEvent)) ??
    (await trainModel(
      {
        stage,
        initial: start.parameters,
        extraParameters: objective.loss.initialParameters?.(createRandom(objective.seed)),
        frozen: objective.loss.frozen,
        step,
        infer: makeInference(start.config),
        train: sides.train,
        teacherLogits: objective.teacherLogits,
        validation: sides.validation,
        majority,
        options,
        ...batching(run),
        runLength: config.run_length,
        seed: objective.seed,
      },
      engine,
      files,
      onEvent,
    ))
  const losses = trained.history.map((epoch) => ({ ...epoch, validationLoss: epoch.validationNll }))
  const parting = partingLossesWarning(stage, losses, trained.bestEpoch)
  if (parting !== undefined) onEvent({ type: 'warning', message: parting })
  await saveCheckpoint(join(run.runFolder, stage, 'checkpoint'), {
    config: start.config,
    parameters: trained.parameters,
    tokenizerJson: run.tokenizerJson,
    labelNames: run.data.dataset.labels,
  })
  return { ...start, trained, method: objective.method, seed: objective.seed }
}

async function finishedStage(files: StageFiles, stage: string, onEvent: OnEvent): Promise<TrainedModel | undefined> {
  const done = await readJson<Omit<TrainedModel, 'parameters'>>(files.done)
  const best = done && (await readSnapshot(files.best))
  if (!best) return undefined
  onEvent({ type: 'stage', stage, state: 'skipped', detail: `finished before, best epoch ${done.bestEpoch}` })
  return { ...done, parameters: best.tensors }
}

/** Logits of a model's trained parameters, under the engine that trained them. */
export async function trainedLogits(
  run: Run,
  { config, trained }: FinishedModel,
  sequences: readonly Int32Array[],
): Promise<Float32Array[]> {
  const evaluator = await run.engine.evaluator(makeInference(config), trained.parameters)
  try {
    return await predictSequences(evaluator, sequences, batching(run))
  } finally {
    await evaluator.dispose()
  }
}
