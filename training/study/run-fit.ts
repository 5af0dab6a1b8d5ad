import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { majorityBaseline, measureQuality } from '../evaluation/quality.js'
import { softmaxRows } from '../evaluation/softmax.js'
import { makeInference } from '../optim/train-step.js'
import { classifierTask } from '../recipes/classifier-task.js'
import { hardExampleTask } from '../recipes/hard-examples.js'
import { needsTeacherInside, needsTeacherLogits } from '../recipes/losses-config.js'
import { meanNll } from '../recipes/mean-nll.js'
import { labelConfidences, meanOfTeachers } from '../recipes/mean-of-teachers.js'
import { predictSequences } from '../recipes/predict-sequences.js'
import { studentLoss } from '../recipes/student-loss.js'
import { type EpochRecord, trainModel } from '../recipes/train-model.js'
import { partingLossesWarning, teacherWarning } from '../recipes/warnings.js'
import type { StageContext } from './stage-context.js'
import type { Logits, StageResult } from './stage-store.js'
import type { FitStage, OutputsStage } from './stages.js'
import { startingWeights } from './starting-weights.js'

/** What a finished fit says of itself; its logits on validation and test lie beside it. */
export interface FitResult extends StageResult {
  readonly kind: 'fit'
  readonly history: readonly EpochRecord[]
  readonly bestEpoch: number
  readonly steps: number
  readonly sequencesPerSecond: number
  /** of the epoch whose weights were kept, uncalibrated, nats */
  readonly validationNll: number
  /** that losses part; what is said of a teacher is said of all its trainings together */
  readonly warnings: readonly string[]
}

type Facts<R extends StageResult> = Omit<R, 'kind' | 'name' | 'finishedAt' | 'device'>

/** Trains a model and predicts the sides that it was not trained on. */
export async function runFit(stage: FitStage, context: StageContext): Promise<Facts<FitResult>> {
  const { data, store, engine, onEvent } = context
  const { encoder, losses, teachers, fold, maxTokens, hard } = stage
  const sides = await context.sides(fold, maxTokens)
  const batching = await context.batching(fold, maxTokens)
  const { parameters } = await startingWeights(stage.start, encoder, stage.seed, context)
  const inside = needsTeacherInside(losses) ? teachers[0] : undefined
  const teacher = inside && {
    config: context.fit(inside.stage).encoder,
    parameters: await store.parameters(inside.stage),
  }
  const options = { ...stage.optimisation, checkpoint_every: stage.checkpointEvery }
  const whole = classifierTask({
    stage: stage.name,
    start: { config: encoder, parameters },
    options,
    objective: {
      loss: studentLoss(losses, encoder, teacher),
      seed: stage.seed,
      teacherLogits: needsTeacherLogits(losses) ? await softTargets(stage, context, sides.train.labels) : undefined,
    },
    sides,
    labelNames: data.dataset.labels,
    ...batching,
  })
  const task = hard
    ? hardExampleTask(whole, {
        stage: stage.name,
        parameters,
        logits: await store.logits(hard.outputs, 'train'),
        share: hard.share,
        options,
      })
    : whole
  const trained = await trainModel(task, engine, store.files(stage.key), onEvent)
  const model = { config: encoder, parameters: trained.parameters }
  const unseen = [...sides.validation.sequences, ...sides.test.sequences]
  const logits = await predicted(context, model, unseen, batching)
  const validation = logits.slice(0, sides.validation.sequences.length)
  await store.writeLogits(stage.key, { validation, test: logits.slice(validation.length) })
  const warnings = warningsOf(stage, trained, validation, context, sides)
  const { history, bestEpoch, steps, sequencesPerSecond } = trained
  const best = history.find(({ epoch }) => epoch === bestEpoch)
  return {
    seconds: history.reduce((sum, epoch) => sum + epoch.seconds, 0),
    history,
    bestEpoch,
    steps,
    sequencesPerSecond,
    validationNll: best?.validationNll ?? meanNll(validation, sides.validation.labels).nll,
    warnings,
  }
}

/** Runs a trained model over the training texts of its fold, once for all students. */
export async function runOutputs(stage: OutputsStage, context: StageContext): Promise<Facts<StageResult>> {
  const began = performance.now()
  const { encoder, fold, maxTokens } = context.fit(stage.of)
  const { train } = await context.sides(fold, maxTokens)
  const model = { config: encoder, parameters: await context.store.parameters(stage.of) }
  const logits = await predicted(context, model, train.sequences, await context.batching(fold, maxTokens))
  await context.store.writeLogits(stage.key, { train: logits })
  return { seconds: (performance.now() - began) / 1000 }
}

async function predicted(
  { engine }: StageContext,
  { config, parameters }: { config: EncoderConfig; parameters: HostTensors },
  sequences: readonly Int32Array[],
  batching: Parameters<typeof predictSequences>[2],
): Promise<Float32Array[]> {
  const evaluator = await engine.evaluator(makeInference(config), parameters)
  try {
    return await predictSequences(evaluator, sequences, batching)
  } finally {
    await evaluator.dispose()
  }
}

/** One teacher's logits, or those that stand for the mean of several. */
async function softTargets(
  { teachers, losses, confidence }: FitStage,
  { store }: StageContext,
  labels: readonly number[],
): Promise<Logits> {
  const logits = await Promise.all(teachers.map(({ outputs }) => store.logits(outputs, 'train')))
  if (logits.length === 1) return logits[0]!
  const weights = teachers.map(({ weight }) => weight)
  const confidences = confidence === 'label' ? labelConfidences(logits as Float32Array[][], labels) : undefined
  return meanOfTeachers(logits as Float32Array[][], losses.soft!.temperature, weights, confidences)
}

/** Said at once, since a teacher that knows nothing wastes the hours of its students. */
function warningsOf(
  { name, isTeacher }: FitStage,
  { history, bestEpoch }: Pick<FitResult, 'history' | 'bestEpoch'>,
  validation: Logits,
  { data, config, onEvent }: StageContext,
  sides: Awaited<ReturnType<StageContext['sides']>>,
): string[] {
  const losses = history.map((epoch) => ({ ...epoch, validationLoss: epoch.validationNll }))
  const parting = partingLossesWarning(name, losses, bestEpoch)
  if (parting !== undefined) onEvent({ type: 'warning', message: parting })
  if (isTeacher) {
    const { labels } = sides.validation
    const bootstrap = { resamples: config.bootstrap_resamples }
    const { accuracy } = measureQuality({
      probabilities: softmaxRows(validation),
      labels,
      split: 'validation',
      bootstrap,
    })
    const majority = majorityBaseline(sides.train.labels, labels, data.dataset.labels).accuracy
    const warning = teacherWarning('validation', accuracy, majority)
    if (warning !== undefined) onEvent({ type: 'warning', message: `${name}: ${warning}` })
  }
  return parting === undefined ? [] : [parting]
}
