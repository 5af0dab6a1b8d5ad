/**
 * The training loop of one model, whatever it learns from: length-bucketed epochs, a validation after each, early stopping
 * with the best weights kept, checkpoints from which a killed run continues bit for bit on the CPU. Batches and dropout
 * noise are functions of (seed, epoch, step) alone, so that a checkpoint needs only tensors and counters.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InvalidConfiguration, LossNotFinite } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import type { BatchPlan } from '../data/length-buckets.js'
import type { Engine, Evaluator, InferenceFunction, StepFunction, Trainer } from '../engine/types.js'
import { NOISE_LENGTH } from '../nn/dropout.js'
import { withLossScale } from '../optim/loss-scale.js'
import { initialTrainState, trainedParameters } from '../optim/train-step.js'
import { createRandom } from '../random.js'
import { removeParts } from '../write-whole.js'
import { type OnEvent, snakeCase } from './events.js'
import { type EpochOf, keptCheckpoint, type Progress, placeOf, START, writeCheckpoint } from './loop-progress.js'
import { batchesPerEpoch, epochPlans, type LoopSchedule, learningRateAt } from './loop-schedule.js'
import { readJson, readSnapshot, type StageFiles, writeJson, writeSnapshot } from './run-folder.js'
import { overflowWarning } from './warnings.js'

/** How validation went: one number decides which weights are best, and some are written down. */
export interface Validation<Figures> {
  /** lower is better: an NLL, a loss */
  readonly minimised: number
  /** what history, metrics.csv and events say */
  readonly figures: Figures
}

/** What the epochs of a task may say of its validation. */
export interface ValidationFigures {
  /** nats */
  readonly validationNll?: number
  /** where there are no targets to have a likelihood */
  readonly validationLoss?: number
  readonly validationAccuracy?: number
}

/** What knowing nothing but the targets' frequencies scores on the validation side, shown beside every figure. */
export interface Baseline {
  readonly accuracy: number
  readonly nll: number
}

export interface LoopTask<Figures extends ValidationFigures> extends LoopSchedule {
  /** `teacher`, `balanced`, `fast`: the folder and the name in events */
  readonly stage: string
  /** everything that is trained */
  readonly initial: HostTensors
  /** what the step needs beside state and batch, the same at every step: a teacher's parameters */
  readonly frozen?: HostTensors | undefined
  readonly step: StepFunction
  /** @returns the batch of a step, its learning rate and its dropout noise aside; a function of plan and step alone */
  readonly batch: (plan: BatchPlan, step: number) => HostTensors
  readonly validation: {
    readonly infer: InferenceFunction
    /** what the evaluator needs of the trained tensors, or beside them; the trained tensors unless told otherwise */
    readonly parameters?: (trained: HostTensors) => HostTensors
    readonly measure: (evaluator: Evaluator) => Promise<Validation<Figures>>
  }
  /** the tensors that the stage is for, without those that only its loss needs; all unless told otherwise */
  readonly kept?: (trained: HostTensors) => HostTensors
  /** measure the initial weights too, and keep them when no epoch makes them better; off unless told otherwise */
  readonly startCounts?: boolean | undefined
  readonly baseline?: Baseline | undefined
}

export interface LoopResult<Figures> {
  /** the weights of the epoch with the best validation */
  readonly parameters: HostTensors
  readonly history: readonly EpochOf<Figures>[]
  /** 0 for the initial weights */
  readonly bestEpoch: number
  readonly steps: number
  readonly sequencesPerSecond: number
}

/** of a step's outputs that are terms of its loss, see makeTrainStep */
const LOSS_PREFIX = 'loss/'

/** Steps between progress events where one call could run many more. */
const STEPS_A_CALL_CPU = 8
const STEPS_A_CALL_GPU = 256

/**
 * @returns the best weights; a stage that was begun before continues
 * @throws LossNotFinite naming the step; the last good checkpoint stays
 */
export async function trainingLoop<Figures extends ValidationFigures>(
  task: LoopTask<Figures>,
  engine: Engine,
  files: StageFiles,
  onEvent: OnEvent,
): Promise<LoopResult<Figures>> {
  if (batchesPerEpoch(task) === 0) {
    throw new InvalidConfiguration(
      'batch_size',
      `${task.lengths.length} training sequences fill no batch; lower batch_size or accumulation, or give more texts`,
    )
  }
  await mkdir(dirname(files.last), { recursive: true })
  await removeParts(dirname(files.last))
  const saved = await readSnapshot<Progress<Figures>>(files.last)
  const progress = saved?.facts ?? START
  onEvent({
    type: 'stage',
    stage: task.stage,
    state: saved ? 'resumed' : 'started',
    detail: saved ? placeOf(progress) : engine.description,
  })
  const lossScaling = engine.precision === 'float16'
  const state = saved?.tensors ?? initialTrainState(task.initial)
  const trainer = await engine.trainer(task.step, lossScaling ? withLossScale(state) : state, task.frozen)
  const trained = saved ? trainedParameters(saved.tensors) : task.initial
  const evaluator = await engine.evaluator(task.validation.infer, evaluated(task, trained))
  const running = { engine, trainer, evaluator, files, onEvent }
  try {
    const begun = saved || !task.startCounts ? progress : await measuredStart(task, running)
    const finished = await runEpochs(task, running, begun)
    const best = await readSnapshot<{ epoch: number }>(files.best)
    if (!best) {
      throw new InvalidConfiguration('epochs', 'no epoch gave a finite validation loss; lower the learning rate')
    }
    const result = {
      history: finished.history,
      bestEpoch: finished.bestEpoch,
      steps: finished.history.length * batchesPerEpoch(task),
      sequencesPerSecond: finished.sequences / Math.max(finished.secondsTraining, 1e-9),
    }
    await writeJson(files.done, result)
    return { ...result, parameters: best.tensors }
  } finally {
    await trainer.dispose()
    await evaluator.dispose()
  }
}

/** @returns what trainingLoop gave when it finished the stage before; undefined when it did not */
export async function finishedLoop<Result extends LoopResult<unknown>>(
  files: StageFiles,
  stage: string,
  onEvent: OnEvent,
): Promise<Result | undefined> {
  const done = await readJson<Omit<Result, 'parameters'>>(files.done)
  const best = done && (await readSnapshot(files.best))
  if (!best) return undefined
  onEvent({ type: 'stage', stage, state: 'skipped', detail: `finished before, best epoch ${done.bestEpoch}` })
  return { ...done, parameters: best.tensors } as Result
}

interface Running {
  readonly engine: Engine
  readonly trainer: Trainer
  readonly evaluator: Evaluator
  readonly files: StageFiles
  readonly onEvent: OnEvent
}

async function measuredStart<F extends ValidationFigures>(task: LoopTask<F>, running: Running): Promise<Progress<F>> {
  const { minimised } = await task.validation.measure(running.evaluator)
  await writeSnapshot(running.files.best, { tensors: keptOf(task, task.initial), facts: { epoch: 0 } })
  return { ...START, bestNll: minimised }
}

async function runEpochs<F extends ValidationFigures>(
  task: LoopTask<F>,
  running: Running,
  start: Progress<F>,
): Promise<Progress<F>> {
  const { options } = task
  let progress = start
  let warned = false
  while (progress.epoch < options.epochs && progress.epoch - progress.bestEpoch < options.patience) {
    const epochStart = performance.now()
    progress = await runEpoch(task, running, progress)
    if (!warned && progress.skipped === progress.batch) {
      const message = overflowWarning(task.stage, progress.epoch + 1, progress.batch)
      running.onEvent({ type: 'warning', message })
      warned = true
    }
    const trained = trainedParameters(await running.trainer.state())
    await running.evaluator.load(evaluated(task, trained))
    const { minimised, figures } = await task.validation.measure(running.evaluator)
    const record: EpochOf<F> = {
      epoch: progress.epoch + 1,
      trainLoss: progress.lossSum / progress.batch,
      ...figures,
      seconds: (performance.now() - epochStart) / 1000,
    }
    const best = minimised < (progress.bestNll ?? Number.POSITIVE_INFINITY)
    if (best) {
      await writeSnapshot(running.files.best, { tensors: keptOf(task, trained), facts: { epoch: record.epoch } })
    }
    progress = {
      ...progress,
      epoch: record.epoch,
      batch: 0,
      lossSum: 0,
      skipped: 0,
      history: [...progress.history, record],
      bestEpoch: best ? record.epoch : progress.bestEpoch,
      bestNll: best ? minimised : progress.bestNll,
    }
    await saveProgress(task, running, progress)
    await writeMetrics(running.files.metrics, progress.history)
    running.onEvent({
      type: 'epoch',
      stage: task.stage,
      epoch: record.epoch,
      epochs: options.epochs,
      trainLoss: record.trainLoss,
      ...figures,
      ...(task.baseline && { majorityAccuracy: task.baseline.accuracy, majorityNll: task.baseline.nll }),
      best,
    })
  }
  return progress
}

/** Runs what is left of the current epoch. @returns progress with every batch of the epoch counted */
async function runEpoch<F extends ValidationFigures>(
  task: LoopTask<F>,
  running: Running,
  start: Progress<F>,
): Promise<Progress<F>> {
  const plans = epochPlans(task, start.epoch)
  const everySteps = task.options.checkpoint_every
  const mostSteps = /^(cpu|tfjs)/.test(running.engine.device) ? STEPS_A_CALL_CPU : STEPS_A_CALL_GPU
  let progress = start
  while (progress.batch < plans.length) {
    const untilCheckpoint = everySteps > 0 ? everySteps - (progress.batch % everySteps) : plans.length
    const count = Math.min(mostSteps, untilCheckpoint, plans.length - progress.batch)
    progress = await runSteps(task, running, plans.slice(progress.batch, progress.batch + count), progress)
    const checkpointDue = everySteps > 0 && progress.batch % everySteps === 0 && progress.batch < plans.length
    if (checkpointDue) await saveProgress(task, running, progress)
  }
  return progress
}

async function runSteps<F extends ValidationFigures>(
  task: LoopTask<F>,
  running: Running,
  plans: BatchPlan[],
  progress: Progress<F>,
): Promise<Progress<F>> {
  const perEpoch = batchesPerEpoch(task)
  const firstStep = progress.epoch * perEpoch + progress.batch
  const began = performance.now()
  const outputs = await running.trainer.run(plans.map((plan, i) => stepBatch(task, plan, firstStep + i)))
  const seconds = (performance.now() - began) / 1000
  let lossSum = 0
  for (const [i, output] of outputs.entries()) {
    const loss = output.loss!.values[0]!
    if (!Number.isFinite(loss)) throw new LossNotFinite(firstStep + i + 1, await keptCheckpoint(running.files))
    lossSum += loss
  }
  const norms = outputs.map((output) => output.gradientNorm!.values[0]!)
  const lossScale = outputs.at(-1)!.lossScale?.values[0]
  // with a loss scale, gradients that overflow change nothing; without one the next loss tells
  const skippedSteps = lossScale === undefined ? 0 : norms.filter((norm) => !Number.isFinite(norm)).length
  const sequences = plans.reduce((sum, plan) => sum + plan.indices.length, 0)
  const done = {
    ...progress,
    batch: progress.batch + plans.length,
    lossSum: progress.lossSum + lossSum,
    skipped: (progress.skipped ?? 0) + skippedSteps,
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
    losses: meanLosses(outputs),
    learningRate: learningRateAt(task, step - 1),
    gradientNorm: norms.findLast(Number.isFinite) ?? norms.at(-1)!,
    ...(lossScale !== undefined && { lossScale, skippedSteps }),
    sequencesPerSecond: sequences / seconds,
    etaSeconds: ((steps - step) * task.options.batch_size) / rate,
    ...(task.baseline && { majorityAccuracy: task.baseline.accuracy }),
  })
  return done
}

/** The terms of the objective, unweighted, by name: means over the steps. */
function meanLosses(outputs: readonly HostTensors[]): Record<string, number> {
  const names = Object.keys(outputs[0]!).filter((name) => name.startsWith(LOSS_PREFIX))
  const mean = (name: string) => outputs.reduce((sum, output) => sum + output[name]!.values[0]!, 0) / outputs.length
  return Object.fromEntries(names.map((name) => [name.slice(LOSS_PREFIX.length), mean(name)]))
}

function stepBatch<F extends ValidationFigures>(task: LoopTask<F>, plan: BatchPlan, step: number): HostTensors {
  const noise = createRandom(task.seed).fork(`noise ${step}`).uniformVector(NOISE_LENGTH)
  return {
    ...task.batch(plan, step),
    learningRate: { shape: [], values: Float32Array.of(learningRateAt(task, step)) },
    noise: { shape: [NOISE_LENGTH], values: noise },
  }
}

function evaluated<F extends ValidationFigures>(task: LoopTask<F>, trained: HostTensors): HostTensors {
  return task.validation.parameters?.(trained) ?? trained
}

function keptOf<F extends ValidationFigures>(task: LoopTask<F>, trained: HostTensors): HostTensors {
  return task.kept?.(trained) ?? trained
}

async function saveProgress<F extends ValidationFigures>(task: LoopTask<F>, running: Running, facts: Progress<F>) {
  const step = facts.epoch * batchesPerEpoch(task) + facts.batch
  await writeCheckpoint(running.files, await running.trainer.state(), facts, step)
}

async function writeMetrics(file: string, history: readonly object[]): Promise<void> {
  const header = Object.keys(history[0]!).map(snakeCase).join()
  const rows = history.map((row) => Object.values(row).join())
  await writeFile(file, `${[header, ...rows].join('\n')}\n`)
}
