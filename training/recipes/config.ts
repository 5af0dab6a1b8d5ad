/**
 * The training configuration: one file says what is learnt from which data, by which teacher and students. Keys are
 * snake_case, as users write them; every choice has a default except where the data lies and what it is called.
 */
import { readFile } from 'node:fs/promises'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { parse as parseYaml } from 'yaml'
import { InvalidConfiguration } from '../../src/errors.js'
import { configFault } from './config-fault.js'
import { checkLosses, LossesConfig, METHOD_NAMES, METHODS, type MethodName } from './losses-config.js'

const closed = { additionalProperties: false }
const share = (value: number) => Type.Number({ minimum: 0, maximum: 1, default: value })
const positive = (value: number) => Type.Integer({ minimum: 1, default: value })

export const DataConfig = Type.Object(
  {
    path: Type.Optional(Type.String({ description: 'CSV or JSONL file; --data wins' })),
    text_column: Type.String(),
    label_column: Type.String(),
    /** raw value → label; without it the raw values are the labels */
    label_map: Type.Optional(Type.Record(Type.String(), Type.String())),
    id_column: Type.Optional(Type.String()),
    group_column: Type.Optional(Type.String()),
    time_column: Type.Optional(Type.String()),
    /** columns put before the text, such as the parties' names */
    prefix_columns: Type.Array(Type.String(), { default: [] }),
    /** classes with fewer rows are dropped or merged into "other" */
    min_class_count: positive(1),
    rare_classes: Type.Union([Type.Literal('drop'), Type.Literal('merge')], { default: 'drop' }),
    /** said on the model card: origin and licence */
    description: Type.String({ default: '' }),
    /** of the texts, for the card */
    licence: Type.Optional(Type.String()),
  },
  closed,
)

export const SplitConfig = Type.Object(
  {
    method: Type.Union([Type.Literal('stratified'), Type.Literal('temporal'), Type.Literal('grouped')], {
      default: 'stratified',
    }),
    seed: Type.Integer({ default: 1 }),
    validation: share(0.15),
    test: share(0.15),
  },
  { ...closed, default: {} },
)

export const ArchitectureConfig = Type.Object(
  {
    /** a named architecture; the sizes below override it */
    name: Type.Optional(Type.String()),
    layers: Type.Optional(Type.Integer({ minimum: 1 })),
    hidden_size: Type.Optional(Type.Integer({ minimum: 1 })),
    heads: Type.Optional(Type.Integer({ minimum: 1 })),
    intermediate_size: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
)

/** How one model is optimised; shared by teacher and students. */
export const optimisation = {
  epochs: positive(8),
  batch_size: positive(16),
  /** micro-batches a step: the gradient is that of batch_size examples, computed batch_size / accumulation at a time */
  accumulation: positive(1),
  learning_rate: Type.Number({ exclusiveMinimum: 0, default: 1e-4 }),
  /** each layer below the head learns at this factor of the one above it; 1 is off */
  layer_decay: Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 1 }),
  /** share of the steps that warm up linearly */
  warmup: Type.Number({ minimum: 0, exclusiveMaximum: 1, default: 0.1 }),
  weight_decay: Type.Number({ minimum: 0, default: 0.01 }),
  clip_norm: Type.Number({ exclusiveMinimum: 0, default: 1 }),
  dropout: Type.Number({ minimum: 0, exclusiveMaximum: 1, default: 0.1 }),
  /** epochs without a better validation NLL before training stops */
  patience: positive(3),
  /** steps between checkpoints within an epoch; 0: at the end of each epoch only */
  checkpoint_every: Type.Integer({ minimum: 0, default: 0 }),
}
const Pooling = Type.Union([Type.Literal('cls'), Type.Literal('mean')])
const precision = Type.Union([Type.Literal('fp16'), Type.Literal('int8')], { default: 'fp16' })

/** How a teacher of several members learns from their outputs. */
const softTargets = {
  /** weight of T² · KL(teacher ‖ student) */
  soft_weight: share(0.9),
  /** weight of the cross-entropy with the labels */
  hard_weight: share(0.1),
  temperature: Type.Number({ minimum: 1, maximum: 10, default: 2 }),
}

const TeacherConfig = Type.Object(
  {
    /** a Hugging Face BERT or DistilBERT folder, or hf:owner/name; --base wins. Without it the teacher starts random. */
    base: Type.Optional(Type.String()),
    /** what a random teacher looks like, when there is no base */
    architecture: Type.Optional(ArchitectureConfig),
    pooling: Type.Union(Pooling.anyOf, { default: 'cls' }),
    pooler: Type.Optional(Type.Union([Type.Literal('tanh'), Type.Literal('relu'), Type.Literal('none')])),
    /** fine-tunings from seeds of their own whose mean the teacher learns; 1 is one plain fine-tuning */
    members: Type.Integer({ minimum: 1, maximum: 20, default: 1 }),
    ...softTargets,
    precision,
    ...optimisation,
  },
  { ...closed, default: {} },
)

/** A student as it is written. What it minimises is said in one of three ways, or not at all, which means `vanilla`. */
const StudentSource = Type.Object(
  {
    tier: Type.Union([Type.Literal('balanced'), Type.Literal('fast')]),
    /** which of the teacher's layers the student starts from, counted from 0 */
    teacher_layers: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 })),
    /** or its own architecture, started random, or from `base` */
    architecture: Type.Optional(ArchitectureConfig),
    base: Type.Optional(Type.String()),
    /** as the teacher's unless it says so; with `cls` the last layer is served for one token a text only, which is much cheaper */
    pooling: Type.Optional(Pooling),
    /** a named set of losses */
    method: Type.Optional(Type.Union(METHOD_NAMES.map((name) => Type.Literal(name)))),
    /** or the losses one by one */
    losses: Type.Optional(LossesConfig),
    /** or the weights of soft and hard targets, for vanilla distillation */
    soft_weight: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    hard_weight: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    temperature: Type.Optional(Type.Number({ minimum: 1, maximum: 10 })),
    /** one number in place of the two weights; alpha_weighs says which term it weighs, the other gets 1 − alpha */
    alpha: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    alpha_weighs: Type.Optional(Type.Union([Type.Literal('soft'), Type.Literal('hard')])),
    precision,
    ...optimisation,
  },
  closed,
)

export const TrainingConfigSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,62}$' }),
    description: Type.String({ default: '' }),
    data: DataConfig,
    split: SplitConfig,
    /** longest input in tokens, special tokens included */
    max_tokens: Type.Integer({ minimum: 8, default: 512 }),
    /** tokens shared by neighbouring windows when a longer text is served */
    window_overlap: Type.Integer({ minimum: 0, default: 64 }),
    /** batches are padded to a multiple of this many tokens; each padded length is one compiled program */
    bucket_width: positive(64),
    /** batches of equal padded length that stay next to each other and run in one call */
    run_length: positive(8),
    seed: Type.Integer({ default: 1 }),
    bootstrap_resamples: positive(1000),
    /** whether each tier gets an explain.onnx (Integrated Gradients) beside its model.onnx */
    explain: Type.Boolean({ default: true }),
    teacher: TeacherConfig,
    students: Type.Array(StudentSource, { default: [], maxItems: 2 }),
  },
  closed,
)
/** The ways to say what a student minimises. */
type Objective = 'method' | 'losses' | VanillaKey
type VanillaKey = 'soft_weight' | 'hard_weight' | 'temperature' | 'alpha' | 'alpha_weighs'
type StudentSource = Static<typeof StudentSource>
/** A student with what it minimises spelt out; itself a way to write it. */
export type StudentConfig = Omit<StudentSource, Objective> & { losses: LossesConfig }
export type TrainingConfig = Omit<Static<typeof TrainingConfigSchema>, 'students'> & { students: StudentConfig[] }
export type TeacherConfig = Static<typeof TeacherConfig>
export type OptimisationConfig = Pick<TeacherConfig, keyof typeof optimisation>
export type ArchitectureChoice = Static<typeof ArchitectureConfig>

/** The column without which a split has nothing to go by. */
const SPLIT_COLUMNS = { stratified: undefined, temporal: 'time_column', grouped: 'group_column' } as const

/**
 * Fills in defaults and checks everything that can be checked without the data.
 * @param source a file name or `preset NAME`, for the message
 * @throws InvalidConfiguration naming the key
 */
export function parseTrainingConfig(raw: unknown, source: string): TrainingConfig {
  const value = Value.Default(TrainingConfigSchema, Value.Clone(raw ?? {}))
  const fault = configFault(TrainingConfigSchema, value)
  if (fault) throw new InvalidConfiguration(source, fault)
  const config = value as Static<typeof TrainingConfigSchema>
  const tiers = config.students.map((student) => student.tier)
  if (new Set(tiers).size < tiers.length) {
    throw new InvalidConfiguration(source, 'students: each tier may be named once; use one balanced and one fast')
  }
  if (config.split.validation + config.split.test >= 0.9) {
    throw new InvalidConfiguration(source, 'split: validation and test together must leave at least 0.1 for training')
  }
  const needed = SPLIT_COLUMNS[config.split.method]
  if (needed !== undefined && config.data[needed] === undefined) {
    throw new InvalidConfiguration(source, `split.method: ${config.split.method} needs data.${needed}`)
  }
  if (config.window_overlap > config.max_tokens / 2) {
    throw new InvalidConfiguration(source, 'window_overlap: at most half of max_tokens')
  }
  for (const model of [config.teacher, ...config.students]) {
    if (model.batch_size % model.accumulation !== 0) {
      throw new InvalidConfiguration(source, 'accumulation: must divide batch_size')
    }
  }
  return { ...config, students: config.students.map((student) => withLosses(student, source)) }
}

/** @throws InvalidConfiguration when the file cannot be read, parsed or accepted */
export async function readTrainingConfig(file: string): Promise<TrainingConfig> {
  let raw: unknown
  try {
    raw = parseYaml(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new InvalidConfiguration(file, `cannot be read as YAML or JSON (${(cause as Error).message.split('\n')[0]})`)
  }
  return parseTrainingConfig(raw, file)
}

const VANILLA_KEYS: readonly VanillaKey[] = ['soft_weight', 'hard_weight', 'temperature', 'alpha', 'alpha_weighs']

/** Resolves the ways to say what a student minimises into one. */
function withLosses(student: StudentSource, source: string): StudentConfig {
  const { method, losses, soft_weight, hard_weight, temperature, alpha, alpha_weighs, ...rest } = student
  const vanilla = VANILLA_KEYS.filter((key) => student[key] !== undefined)
  const given = [...(method === undefined ? [] : ['method']), ...(losses === undefined ? [] : ['losses']), ...vanilla]
  const ways = Number(method !== undefined) + Number(losses !== undefined) + Number(vanilla.length > 0)
  if (ways > 1) {
    throw new InvalidConfiguration(
      source,
      `students: ${given.join(', ')} each say what the student minimises; keep method, losses or the weights of vanilla`,
    )
  }
  if (losses !== undefined) return { ...rest, losses: checkLosses(losses, `${source}: losses`) }
  if (method !== undefined) return { ...rest, losses: structuredClone<LossesConfig>(METHODS[method as MethodName]) }
  return { ...rest, losses: vanillaLosses(student, source) }
}

/** The field disagrees about which term `alpha` weighs, so the config has to say. */
function vanillaLosses(student: StudentSource, source: string): LossesConfig {
  const { soft, hard } = METHODS.vanilla
  const { alpha, alpha_weighs: weighs, temperature = soft.temperature } = student
  let { soft_weight: softWeight = soft.weight, hard_weight: hardWeight = hard.weight } = student
  if (alpha !== undefined || weighs !== undefined) {
    if (alpha === undefined || weighs === undefined) {
      throw new InvalidConfiguration(source, 'alpha: is accepted only together with alpha_weighs: soft | hard')
    }
    if (student.soft_weight !== undefined || student.hard_weight !== undefined) {
      throw new InvalidConfiguration(source, 'alpha: stands in place of soft_weight and hard_weight; leave these out')
    }
    ;[softWeight, hardWeight] = weighs === 'soft' ? [alpha, 1 - alpha] : [1 - alpha, alpha]
  }
  if (softWeight + hardWeight === 0) {
    throw new InvalidConfiguration(source, 'soft_weight and hard_weight: at least one must be above 0')
  }
  return { soft: { weight: softWeight, temperature }, hard: { ...hard, weight: hardWeight } }
}
