import { join } from 'node:path'
import { saveCheckpoint } from '../checkpoint/save-checkpoint.js'
import { makeInference } from '../optim/train-step.js'
import type { StartingPoint } from './base-model.js'
import { classifierTask, type Objective } from './classifier-task.js'
import type { OptimisationConfig } from './config.js'
import { predictSequences } from './predict-sequences.js'
import { batching, type FinishedModel, type Run, type StageName } from './run.js'
import { stageFiles } from './run-folder.js'
import { type TrainedModel, trainModel } from './train-model.js'
import { finishedLoop } from './training-loop.js'
import { partingLossesWarning } from './warnings.js'

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
  const task = classifierTask({
    stage,
    start,
    options,
    objective,
    sides,
    labelNames: run.data.dataset.labels,
    ...batching(run),
    runLength: config.run_length,
  })
  const trained =
    (await finishedLoop<TrainedModel>(files, stage, onEvent)) ?? (await trainModel(task, engine, files, onEvent))
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
