/**
 * The training loop of one model, teacher or student: length-bucketed epochs, a validation after each, early stopping on
 * validation NLL with the best weights kept, checkpoints from which a killed run continues bit for bit on the CPU. Batches
 * and dropout noise are functions of (seed, epoch, step) alone, so that a checkpoint needs only tensors and counters.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InvalidConfiguration, LossNotFinite } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { type BatchPlan, lengthBucketedBatches } from '../data/length-buckets.js'
import { padBatch } from '../data/pad-batch.js'
import type { Engine, Evaluator, InferenceFunction, StepFunction, Trainer } from '../engine/types.js'
import { NOISE_LENGTH } from '../nn/dropout.js'
import { linearSchedule } from '../optim/linear-schedule.js'
import { initialTrainState, trainedParameters } from '../optim/train-step.js'
import { createRandom } from '../random.js'
import type { OptimisationConfig } from './config.js'
import type { OnEvent } from './events.js'
import { meanNll } from './mean-nll.js'
import { predictSequences } from './predict-sequences.js'
import { readSnapshot, type StageFiles, writeJson, writeSnapshot } from './run-folder.js'
import type { TokenSet } from './token-set.js'

export interface TrainingTask {
  /** `teacher`, `balanced`, `fast`: the folder and the name in events */
  readonly stage: string
  readonly initial: HostTensors
  readonly step: StepFunction
  readonly infer: InferenceFunction
  readonly train: TokenSet
  /** students: the teacher's logits on `train`, [examples, labels] */
  readonly teacherLogits?: readonly Float32Array[] | undefined
  readonly validation: TokenSet
  /** what always answering with the training label shares scores on `validation`, shown beside every figure */
  readonly majority: { readonly accuracy: number; readonly nll: number }
  readonly options: OptimisationConfig
  readonly padId: number
  readonly maxTokens: number
  readonly bucketWidth: number
  readonly runLength: number
  readonly seed: number
}

export interface EpochRecord {
  readonly epoch: number
  readonly trainLoss: number
  readonly validationNll: number
  readonly validationAccuracy: number
  readonly seconds: number
}

export interface TrainedModel {
  /** the weights of the epoch with the lowest validation NLL */
  readonly parameters: HostTensors
  readonly history: readonly EpochRecord[]
  readonly bestEpoch: number
  readonly steps: number
  readonly sequencesPerSecond: number
}

/** What a checkpoint says beside its tensors. */
interface Progress {
  /** epochs finished */
  readonly epoch: number
  /** batches of the current epoch that were run */
  readonly batch: number
  /** summed loss of those batches */
  readonly lossSum: number
  readonly history: readonly EpochRecord[]
  readonly bestEpoch: number
  readonly bestNll: number
  readonly secondsTraining: number
  readonly sequences: number
}

const START: Progress = {
  epoch: 0,
  batch: 0,
  lossSum: 0,
  history: [],
  bestEpoch: 0,
  bestNll: Number.POSITIVE_INFINITY,
  secondsTraining: 0,
  sequences: 0,
}

/** Steps between progress events where one call could run many more. */
const STEPS_A_CALL_CPU = 8
const STEPS_A_CALL_GPU = 256

/**
 * @returns the best weights; a stage that was finished before is read back, one that was begun continues
 * @throws LossNotFinite naming the step; the last good checkpoint stays
 */
export async function trainModel(
  task: TrainingTask,
  engine: Engine,
  files: StageFiles,
  onEvent: OnEvent,
): Promise<TrainedModel> {
  await mkdir(dirname(files.last), { recursive: true })
  const saved = await readSnapshot<Progress>(files.last)
  const progress = saved?.facts ?? START
  onEvent({
    type: 'stage',
    stage: task.stage,
    state: saved ? 'resumed' : 'started',
    detail: saved ? `after epoch ${progress.epoch}, batch ${progress.batch}` : engine.description,
  })
  const trainer = await engine.trainer(task.step, saved?.tensors ?? initialTrainState(task.initial))
  const evaluator = await engine.evaluator(task.infer, saved ? trainedParameters(saved.tensors) : task.initial)
  try {
    const finished = await runEpochs(task, { engine, trainer, evaluator, files, onEvent }, progress)
    const best = await readSnapshot<{ epoch: number }>(files.best)
    if (!best)
      throw new InvalidConfiguration('epochs', 'no epoch gave a finite validation NLL; lower the learning rate')
    const trained = {
      history: finished.history,
      bestEpoch: finished.bestEpoch,
      steps: finished.history.length * batchesPerEpoch(task),
      sequencesPerSecond: finished.sequences / Math.max(finished.secondsTraining, 1e-9),
    }
    await writeJson(files.done, trained)
    return { ...trained, parameters: best.tensors }
  } finally {
    await trainer.dispose()
    await evaluator.dispose()
  }
}

interface Running {
  readonly engine: Engine
  readonly trainer: Trainer
  readonly evaluator: Evaluator
  readonly files: StageFiles
  readonly onEvent: OnEvent
}

async function runEpochs(task: TrainingTask, running: Running, start: Progress): Promise<Progress> {
  const { options } = task
  let progress = start
  while (progress.epoch < options.epochs && progress.epoch - progress.bestEpoch < options.patience) {
    const epochStart = performance.now()
    progress = await runEpoch(task, running, progress)
    const parameters = trainedParameters(await running.trainer.state())
    await running.evaluator.load(parameters)
    const logits = await predictSequences(running.evaluator, task.validation.sequences, task)
    const { nll, accuracy } = meanNll(logits, task.validation.labels)
    const record: EpochRecord = {
      epoch: progress.epoch + 1,
      trainLoss: progress.lossSum / progress.batch,
      validationNll: nll,
      validationAccuracy: accuracy,
      seconds: (performance.now() - epochStart) / 1000,
    }
    const best = nll < progress.bestNll
    if (best) await writeSnapshot(running.files.best, { tensors: parameters, facts: { epoch: record.epoch } })
    progress = {
      ...progress,
      epoch: record.epoch,
      batch: 0,
      lossSum: 0,
      history: [...progress.history, record],
      bestEpoch: best ? record.epoch : progress.bestEpoch,
      bestNll: best ? nll : progress.bestNll,
    }
    await saveProgress(running, progress)
    await writeMetrics(running.files.metrics, progress.history)
    running.onEvent({
      type: 'epoch',
      stage: task.stage,
      epoch: record.epoch,
      epochs: options.epochs,
      trainLoss: record.trainLoss,
      validationNll: nll,
      validationAccuracy: accuracy,
      majorityAccuracy: task.majority.accuracy,
      majorityNll: task.majority.nll,
      best,
    })
  }
  return progress
}

/** Runs what is left of the current epoch. @returns progress with every batch of the epoch counted */
async function runEpoch(task: TrainingTask, running: Running, start: Progress): Promise<Progress> {
  const plans = epochPlans(task, start.epoch)
  const everySteps = task.options.checkpoint_every
  const mostSteps = /^(cpu|tfjs)/.test(running.engine.device) ? STEPS_A_CALL_CPU : STEPS_A_CALL_GPU
  let progress = start
  while (progress.batch < plans.length) {
    const untilCheckpoint = everySteps > 0 ? everySteps - (progress.batch % everySteps) : plans.length
    const count = Math.min(mostSteps, untilCheckpoint, plans.length - progress.batch)
    progress = await runSteps(task, running, plans.slice(progress.batch, progress.batch + count), progress)
    const checkpointDue = everySteps > 0 && progress.batch % everySteps === 0 && progress.batch < plans.length
    if (checkpointDue) await saveProgress(running, progress)
  }
  return progress
}

async function runSteps(task: TrainingTask, running: Running, plans: BatchPlan[], progress: Progress) {
  const perEpoch = batchesPerEpoch(task)
  const firstStep = progress.epoch * perEpoch + progress.batch
  const began = performance.now()
  const outputs = await running.trainer.run(plans.map((plan, i) => trainingBatch(task, plan, firstStep + i)))
  const seconds = (performance.now() - began) / 1000
  let lossSum = 0
  let gradientNorm = 0
  for (const [i, output] of outputs.entries()) {
    const loss = output.loss!.values[0]!
    if (!Number.isFinite(loss)) {
      const kept =
        progress.epoch > 0 ? `the checkpoint of epoch ${progress.epoch} is kept` : 'there was no checkpoint yet'
      throw new LossNotFinite(firstStep + i + 1, kept)
    }
    lossSum += loss
    gradientNorm = output.gradientNorm!.values[0]!
  }
  const sequences = plans.reduce((sum, plan) => sum + plan.indices.length, 0)
  const done = {
    ...progress,
    batch: progress.batch + plans.length,
    lossSum: progress.lossSum + lossSum,
    secondsTraining: progress.secondsTraining + seconds,
    sequences: progress.sequences + sequences,
  }
  const steps = task.options.epochs * perEpoch
  const step = firstStep + plans.length
  const rate = done.sequences / done.secondsTraining
  running.onEvent({
    type: 'step',
    stage: task.stage,
    epoch: progress.epoch + 1,
    step,
    steps,
    loss: lossSum / plans.length,
    learningRate: learningRateAt(task, step - 1),
    gradientNorm,
    sequencesPerSecond: sequences / seconds,
    etaSeconds: ((steps - step) * task.options.batch_size) / rate,
    majorityAccuracy: task.majority.accuracy,
  })
  return done
}

/** The batch of one step: tokens, labels, learning rate, dropout noise, teacher logits. */
function trainingBatch(task: TrainingTask, { indices, paddedLength }: BatchPlan, step: number): HostTensors {
  const { sequences, labels } = task.train
  const rows = indices.length
  const tokens = padBatch(
    indices.map((i) => sequences[i]!),
    paddedLength,
    task.padId,
  )
  const noise = createRandom(task.seed).fork(`noise ${step}`).uniformVector(NOISE_LENGTH)
  const batch: HostTensors = {
    ...tokens,
    labels: { shape: [rows], values: Int32Array.from(indices, (i) => labels[i]!) },
    learningRate: { shape: [], values: Float32Array.of(learningRateAt(task, step)) },
    noise: { shape: [NOISE_LENGTH], values: noise },
  }
  if (!task.teacherLogits) return batch
  const width = task.teacherLogits[0]!.length
  const values = new Float32Array(rows * width)
  for (const [row, i] of indices.entries()) values.set(task.teacherLogits[i]!, row * width)
  return { ...batch, teacherLogits: { shape: [rows, width], values } }
}

function epochPlans(task: TrainingTask, epoch: number): BatchPlan[] {
  const lengths = task.train.sequences.map((sequence) => sequence.length)
  const { bucketWidth, maxTokens: maxLength, runLength } = task
  const options = { batchSize: task.options.batch_size, bucketWidth, maxLength, runLength }
  const plans = lengthBucketedBatches(lengths, options, createRandom(task.seed).fork(`epoch ${epoch}`))
  return plans.flatMap((plan) => {
    const rows = usableRows(plan.indices.length, task.options.accumulation)
    return rows > 0 ? [{ ...plan, indices: plan.indices.slice(0, rows) }] : []
  })
}

/** Every batch but an epoch's last is full, so that each epoch has the same number of them. */
function batchesPerEpoch({ train, options }: TrainingTask): number {
  const { batch_size: size, accumulation } = options
  const full = Math.floor(train.sequences.length / size)
  return usableRows(train.sequences.length % size, accumulation) > 0 ? full + 1 : full
}

/** Micro-batches are of equal size: what does not fill the last ones waits for another epoch's shuffle. */
function usableRows(rows: number, accumulation: number): number {
  return rows - (rows % accumulation)
}

function learningRateAt(task: TrainingTask, step: number): number {
  const { learning_rate: peak, warmup: warmupShare, epochs } = task.options
  return linearSchedule({ peak, warmupShare, totalSteps: epochs * batchesPerEpoch(task) })(step)
}

async function saveProgress({ trainer, files }: Running, facts: Progress): Promise<void> {
  await writeSnapshot(files.last, { tensors: await trainer.state(), facts })
}

async function writeMetrics(file: string, history: readonly EpochRecord[]): Promise<void> {
  const header = 'epoch,train_loss,validation_nll,validation_accuracy,seconds'
  const rows = history.map((row) =>
    [row.epoch, row.trainLoss, row.validationNll, row.validationAccuracy, row.seconds].join(),
  )
  await writeFile(file, `${[header, ...rows].join('\n')}\n`)
}
