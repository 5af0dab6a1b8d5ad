/**
 * The main recipe: fine-tune a teacher, distil students from its cached outputs, measure every tier on the files that will
 * be served, and write the family. A run that was killed is taken up where it stood; stages that finished are not repeated.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidConfiguration } from '../../src/errors.js'
import type { TierName } from '../../src/family/family-schema.js'
import type { Family } from '../../src/family/load-family.js'
import { loadTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { saveCheckpoint } from '../checkpoint/save-checkpoint.js'
import type { Engine } from '../engine/types.js'
import { majorityBaseline } from '../evaluation/quality.js'
import { exportFamily, type TierExport } from '../export/export-family.js'
import { hardTargets } from '../losses/hard-targets.js'
import type { Loss } from '../losses/loss.js'
import { vanillaDistillation } from '../losses/vanilla-distillation.js'
import { decayedParameters, layerwiseFactors } from '../optim/parameter-groups.js'
import { makeInference, makeTrainStep } from '../optim/train-step.js'
import { checkpointName, type StartingPoint, studentStart, teacherStart } from './base-model.js'
import type { OptimisationConfig, StudentConfig, TrainingConfig } from './config.js'
import type { OnEvent } from './events.js'
import { measureTier, type TierMeasurement } from './measure-tier.js'
import { predictSequences } from './predict-sequences.js'
import { type PreparedData, prepareData } from './prepare-data.js'
import { appendLine, readJson, readSnapshot, type StageFiles, stageFiles, writeJson, writeWhole } from './run-folder.js'
import { teacherOutputs } from './teacher-outputs.js'
import { inputLimit, type TokenSet, tokenizeExamples } from './token-set.js'
import { type TrainedModel, trainModel } from './train-model.js'

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

type Sides = Readonly<Record<'train' | 'validation' | 'test', TokenSet>>

/** Everything that the stages of one run share. */
interface Run extends TrainFamilyOptions {
  readonly data: PreparedData
  readonly tokenizerFile: string
  readonly tokenizerJson: string
  readonly sides: Sides
  readonly maxTokens: number
  readonly padId: number
}

interface FinishedModel extends StartingPoint {
  readonly trained: TrainedModel
  readonly options: OptimisationConfig
  readonly method: string
  readonly validationLogits: readonly Float32Array[]
}

/** @throws whatever config, data, checkpoint and engine refuse; nothing that was finished is lost by it */
export async function trainFamily(options: TrainFamilyOptions): Promise<Family> {
  const { config, runFolder, resume } = options
  await openRunFolder(options)
  const onEvent: OnEvent = (event) => {
    appendLine(join(runFolder, 'events.ndjson'), JSON.stringify({ at: new Date().toISOString(), ...event }))
    options.onEvent(event)
  }
  const data = await prepareData(config, options.dataPath, runFolder, onEvent)
  const labels = data.dataset.labels
  onEvent({ type: 'message', message: describeData(data, resume) })
  const start = await teacherStart(config.teacher, labels.length, {
    seed: config.seed,
    maxTokens: config.max_tokens,
    trainTexts: data.sides.train.map(({ text }) => text),
    runFolder,
    cacheFolder: options.cacheFolder,
  })
  const run = await tokenized({ ...options, onEvent }, data, start)
  const teacher = await fitTeacher(run, start)
  const tiers: TierExport[] = []
  const measuredTeacher = await measureStage(run, 'teacher', teacher, config.teacher.precision)
  tiers.push(tierExport('teacher', teacher, measuredTeacher, config.seed))
  warnAboutTeacher(run, measuredTeacher)
  if (config.students.length > 0) {
    const soft = await softTargets(run, teacher)
    for (const student of mostAccurateFirst(config.students)) {
      const finished = await fitStudent(run, student, teacher, soft)
      const measured = await measureStage(run, student.tier, finished, student.precision, measuredTeacher)
      tiers.push(tierExport(student.tier, finished, measured, config.seed))
    }
  }
  const family = await exportFamily(options.outFolder, {
    name: config.name,
    description: config.description,
    labels: [...labels],
    tokenizerFile: run.tokenizerFile,
    maxTokens: run.maxTokens,
    windowOverlap: config.window_overlap,
    tiers,
    majority: majorityBaseline(run.sides.train.labels, run.sides.test.labels, labels),
    data: data.manifest,
    config: publishable(config),
    versions: { ...options.versions },
  })
  onEvent({ type: 'stage', stage: 'family', state: 'finished', detail: `${family.version} in ${options.outFolder}` })
  return family
}

async function openRunFolder({ runFolder, config, resume }: TrainFamilyOptions): Promise<void> {
  const configFile = join(runFolder, 'config.json')
  const begun = await readJson<TrainingConfig>(configFile)
  if (begun && !resume) {
    throw new InvalidConfiguration(
      '--out',
      `a run was begun in ${runFolder}; add --resume to continue it, or name another --out`,
    )
  }
  if (begun && JSON.stringify(begun) !== JSON.stringify(config)) {
    throw new InvalidConfiguration(
      '--resume',
      `the configuration is not the one that ${configFile} was begun with; restore it, or name another --out`,
    )
  }
  await mkdir(runFolder, { recursive: true })
  if (!begun) await writeJson(configFile, config)
}

async function tokenized(
  options: TrainFamilyOptions,
  data: PreparedData,
  start: { config: StartingPoint['config']; tokenizerJson: string },
): Promise<Run> {
  const { config, runFolder, onEvent } = options
  const tokenizerFile = join(runFolder, 'tokenizer.json')
  await writeWhole(tokenizerFile, start.tokenizerJson)
  const tokenizer = loadTokenizer(tokenizerFile)
  const maxTokens = inputLimit(config.max_tokens, start.config)
  const side = (name: keyof Sides) => tokenizeExamples(data.sides[name], data.dataset.labels, tokenizer, maxTokens)
  const sides = { train: await side('train'), validation: await side('validation'), test: await side('test') }
  if (sides.train.truncated > 0) {
    const share = ((100 * sides.train.truncated) / sides.train.texts.length).toFixed(1)
    onEvent({
      type: 'message',
      message: `${sides.train.truncated} training texts (${share}%) are longer than ${maxTokens} tokens and are learnt from their beginning`,
    })
  }
  return {
    ...options,
    data,
    tokenizerFile,
    tokenizerJson: start.tokenizerJson,
    sides,
    maxTokens,
    padId: tokenizer.padId,
  }
}

async function fitTeacher(run: Run, start: StartingPoint): Promise<FinishedModel> {
  return fit(run, 'teacher', start, run.config.teacher, { loss: hardTargets(), method: 'fine-tuning' })
}

async function fitStudent(
  run: Run,
  student: StudentConfig,
  teacher: FinishedModel,
  teacherLogits: readonly Float32Array[],
): Promise<FinishedModel> {
  const { seed } = run.config
  const start = await studentStart(
    student,
    { config: teacher.config, parameters: teacher.trained.parameters },
    { seed, cacheFolder: run.cacheFolder },
  )
  const { soft_weight: softWeight, hard_weight: hardWeight, temperature } = student
  return fit(run, student.tier, start, student, {
    loss: vanillaDistillation({ softWeight, hardWeight, temperature }),
    method: `vanilla distillation (soft ${round(softWeight)}, hard ${round(hardWeight)}, temperature ${temperature})`,
    teacherLogits,
  })
}

async function fit(
  run: Run,
  stage: TierName,
  start: StartingPoint,
  options: OptimisationConfig,
  objective: { loss: Loss; method: string; teacherLogits?: readonly Float32Array[] },
): Promise<FinishedModel> {
  const { config, engine, sides, maxTokens, padId, onEvent } = run
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
  const infer = makeInference(start.config)
  const majority = majorityBaseline(sides.train.labels, sides.validation.labels, run.data.dataset.labels)
  const trained =
    (await finishedStage(files, stage, onEvent)) ??
    (await trainModel(
      {
        stage,
        initial: start.parameters,
        step,
        infer,
        train: sides.train,
        teacherLogits: objective.teacherLogits,
        validation: sides.validation,
        majority,
        options,
        padId,
        maxTokens,
        bucketWidth: config.bucket_width,
        runLength: config.run_length,
        seed: config.seed,
      },
      engine,
      files,
      onEvent,
    ))
  const evaluator = await engine.evaluator(infer, trained.parameters)
  try {
    const validationLogits = await predictSequences(evaluator, sides.validation.sequences, batching(run))
    await saveCheckpoint(join(run.runFolder, stage, 'checkpoint'), {
      config: start.config,
      parameters: trained.parameters,
      tokenizerJson: run.tokenizerJson,
      labelNames: run.data.dataset.labels,
    })
    return { ...start, trained, options, method: objective.method, validationLogits }
  } finally {
    await evaluator.dispose()
  }
}

async function finishedStage(files: StageFiles, stage: string, onEvent: OnEvent): Promise<TrainedModel | undefined> {
  const done = await readJson<Omit<TrainedModel, 'parameters'>>(files.done)
  const best = done && (await readSnapshot(files.best))
  if (!best) return undefined
  onEvent({ type: 'stage', stage, state: 'skipped', detail: `finished before, best epoch ${done.bestEpoch}` })
  return { ...done, parameters: best.tensors }
}

/** The teacher's logits on the training examples. */
async function softTargets(run: Run, teacher: FinishedModel): Promise<Float32Array[]> {
  const { engine, sides, data, tokenizerJson, runFolder } = run
  const key = {
    teacher: teacher.trained.parameters,
    dataSha256: data.dataset.sha256,
    tokenizerJson,
    sequences: sides.train.sequences,
  }
  return teacherOutputs(runFolder, key, async () => {
    const evaluator = await engine.evaluator(makeInference(teacher.config), teacher.trained.parameters)
    try {
      return await predictSequences(evaluator, sides.train.sequences, batching(run))
    } finally {
      await evaluator.dispose()
    }
  })
}

async function measureStage(
  run: Run,
  stage: TierName,
  model: FinishedModel,
  precision: TierExport['precision'],
  teacher?: TierMeasurement,
): Promise<TierMeasurement> {
  const folder = join(run.runFolder, stage, 'export')
  const measured = await measureTier({
    stage,
    folder,
    model: { config: model.config, parameters: model.trained.parameters },
    precision,
    tokenizer: loadTokenizer(run.tokenizerFile),
    maxTokens: run.maxTokens,
    windowOverlap: run.config.window_overlap,
    validation: run.sides.validation,
    test: run.sides.test,
    validationLogits: model.validationLogits,
    teacherProbabilities: teacher?.testProbabilities,
    bootstrapResamples: run.config.bootstrap_resamples,
    onEvent: run.onEvent,
  })
  await rm(folder, { recursive: true, force: true })
  const { accuracy, auc, nll } = measured.quality
  run.onEvent({
    type: 'stage',
    stage,
    state: 'finished',
    detail: `test accuracy ${percent(accuracy)}, AUC ${auc.value.toFixed(3)}, NLL ${nll.value.toFixed(3)}, ${measured.precision}`,
  })
  return measured
}

function tierExport(tier: TierName, model: FinishedModel, measured: TierMeasurement, seed: number): TierExport {
  const { trained, config, architecture, initialisation, method } = model
  const { testProbabilities: _, ...figures } = measured
  return {
    tier,
    architecture,
    config,
    parameters: trained.parameters,
    ...figures,
    training: {
      method,
      initialisation,
      epochs: trained.history.length,
      steps: trained.steps,
      seed,
      bestEpoch: trained.bestEpoch,
      history: [...trained.history],
    },
  }
}

function warnAboutTeacher(run: Run, { quality }: TierMeasurement): void {
  const { accuracy } = majorityBaseline(run.sides.train.labels, run.sides.test.labels, run.data.dataset.labels)
  if (quality.accuracy.low > accuracy) return
  run.onEvent({
    type: 'warning',
    message: `the teacher is not clearly better than always answering the majority label (test accuracy ${percent(quality.accuracy)}, majority ${(100 * accuracy).toFixed(1)}%): its students cannot be either`,
  })
}

function batching({ config, maxTokens, padId }: Run) {
  return { bucketWidth: config.bucket_width, maxTokens, padId }
}

function mostAccurateFirst(students: readonly StudentConfig[]): StudentConfig[] {
  return students.toSorted((a) => (a.tier === 'balanced' ? -1 : 1))
}

/** The configuration without the paths of this machine. */
function publishable(config: TrainingConfig): Record<string, unknown> {
  const { path: _, ...data } = config.data
  const named = <T extends { base?: string }>(model: T): T =>
    model.base === undefined ? model : { ...model, base: checkpointName(model.base) }
  const published = { ...config, data, teacher: named(config.teacher), students: config.students.map(named) }
  return JSON.parse(JSON.stringify(published))
}

function describeData({ dataset, split }: PreparedData, resume: boolean): string {
  const { train, validation, test } = split.sizes
  const how = resume ? 'the split of the run' : `${split.method} split, seed ${split.seed}`
  return `${dataset.examples.length} of ${dataset.rows} rows, ${dataset.labels.length} labels; ${how}: ${train} / ${validation} / ${test}`
}

function percent({ value, low, high }: { value: number; low: number; high: number }): string {
  return `${(100 * value).toFixed(1)}% [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`
}

function round(weight: number): number {
  return Math.round(weight * 1000) / 1000
}
