/**
 * The configuration of a study as it is written: one data set, teachers, students, and the methods by which every student is
 * trained. Keys are snake_case, as users write them.
 */
import { type Static, Type } from 'typebox'
import { ArchitectureConfig, DataConfig, optimisation, SplitConfig } from '../recipes/config.js'
import { LossesConfig, METHOD_NAMES } from '../recipes/losses-config.js'

const closed = { additionalProperties: false }
const positive = (value: number) => Type.Integer({ minimum: 1, default: value })
const choice = <Name extends string>(...names: Name[]) => Type.Union(names.map((name) => Type.Literal(name)))
/** Names end up in report rows and file names. */
const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,62}$' })

const FoldsConfig = Type.Object(
  {
    count: Type.Integer({ minimum: 2 }),
    seed: Type.Integer({ default: 1 }),
    /** share of each fold's training side that validates */
    validation: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1, default: 0.15 }),
    /** keep examples of one data.group_column together */
    grouped: Type.Boolean({ default: false }),
  },
  closed,
)

/** Where weights come from: `general` and `pretrained` are stages of this study, on its corpus. */
const START_NAMES = ['teacher_layers', 'checkpoint', 'random', 'general', 'pretrained'] as const
export type StartName = (typeof START_NAMES)[number]

const Pooling = choice('cls', 'mean')
const pooling = {
  pooling: Type.Optional(Pooling),
  pooler: Type.Optional(choice('tanh', 'relu', 'none')),
}

export const TeacherEntry = Type.Object(
  {
    name: Type.String({ ...Name, default: 'teacher' }),
    /** a Hugging Face BERT or DistilBERT folder, or hf:owner/name */
    base: Type.Optional(Type.String()),
    /** what a teacher without a base looks like */
    architecture: Type.Optional(ArchitectureConfig),
    start: Type.Optional(choice('checkpoint', 'random', 'pretrained')),
    ...pooling,
    /** fine-tunings from seeds of their own whose mean the teacher learns; 1 is one plain fine-tuning */
    members: Type.Integer({ minimum: 1, maximum: 20, default: 1 }),
    /** what a teacher of several members minimises */
    losses: Type.Optional(LossesConfig),
    /** among several teachers */
    weight: Type.Number({ minimum: 0, default: 1 }),
    ...optimisation,
  },
  closed,
)

const StudentEntry = Type.Object(
  {
    name: Name,
    /** which of the teacher's layers the student starts from, counted from 0 */
    teacher_layers: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 })),
    /** whose layers those are: of the fine-tuned teacher, or of what the teacher itself started from */
    layers_from: Type.Optional(choice('fine_tuned', 'base')),
    architecture: Type.Optional(ArchitectureConfig),
    base: Type.Optional(Type.String()),
    /** as its (first) teacher's unless it says so */
    pooling: Type.Optional(Pooling),
    start: Type.Optional(choice(...START_NAMES)),
    /** whom it learns from; all teachers unless told otherwise */
    teachers: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    /** by which methods; all unless told otherwise */
    methods: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    /** some of the study's; all unless told otherwise */
    seeds: Type.Optional(Type.Array(Type.Integer(), { minItems: 1, uniqueItems: true })),
    ...optimisation,
  },
  closed,
)

const MethodEntry = Type.Object({ name: Name, losses: LossesConfig }, closed)

const ChainEntry = Type.Object(
  {
    name: Name,
    /** a teacher, then students: each is the teacher of the next */
    path: Type.Array(Type.String(), { minItems: 3 }),
    /** by which every link learns */
    method: Type.String({ default: 'vanilla' }),
  },
  closed,
)

const CorpusConfig = Type.Object(
  {
    /** .jsonl or .txt, also .gz or .xz */
    path: Type.String(),
    text_field: Type.String({ default: 'text' }),
    html: Type.Union([Type.Literal('strip'), Type.Literal('keep')], { default: 'strip' }),
    /** read no more documents than this */
    max_documents: Type.Optional(Type.Integer({ minimum: 1 })),
    /** longest window in tokens, special tokens included */
    max_tokens: Type.Integer({ minimum: 8, default: 128 }),
    /** share of the documents that validate */
    validation: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1, default: 0.05 }),
    seed: Type.Integer({ default: 1 }),
  },
  closed,
)

const GeneralConfig = Type.Object(
  {
    /** what students imitate on unlabelled text; hidden states and attention, as TinyBERT does, unless told otherwise */
    losses: Type.Optional(LossesConfig),
    /** whom: the first teacher's starting weights */
    seed: Type.Integer({ default: 1 }),
    ...optimisation,
    epochs: positive(1),
  },
  closed,
)

const PretrainingConfig = Type.Object(
  {
    /** share of the tokens that are hidden */
    masked: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1, default: 0.15 }),
    seed: Type.Integer({ default: 1 }),
    ...optimisation,
    epochs: positive(1),
  },
  closed,
)

const HardExamplesConfig = Type.Object(
  {
    /** share of the training examples, the wrong and the least sure first */
    share: Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 0.3 }),
    /** methods that get this stage; all unless told otherwise */
    methods: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    ...optimisation,
    epochs: positive(2),
    learning_rate: Type.Number({ exclusiveMinimum: 0, default: 3e-5 }),
  },
  closed,
)

const RangeConfig = Type.Object(
  {
    min: Type.Number(),
    max: Type.Number(),
    /** linear unless told otherwise */
    scale: Type.Optional(choice('linear', 'log')),
    integer: Type.Optional(Type.Boolean()),
  },
  closed,
)

export const SweepEntry = Type.Object(
  {
    kind: Type.Union([Type.Literal('grid'), Type.Literal('random')], { default: 'grid' }),
    /** most trials */
    budget: positive(20),
    seed: Type.Integer({ default: 1 }),
    /** path into this configuration, list entries by index or name → values to try, or a range (random search only) */
    parameters: Type.Record(
      Type.String(),
      Type.Union([
        Type.Array(Type.Union([Type.Number(), Type.String(), Type.Boolean()]), { minItems: 1 }),
        RangeConfig,
      ]),
      { minProperties: 1 },
    ),
    /** models whose mean validation NLL decides; those that the parameters change unless told otherwise */
    models: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    /** seeds that every trial is trained with, on the first fold; the study's first unless told otherwise */
    seeds: Type.Optional(Type.Array(Type.Integer(), { minItems: 1 })),
  },
  closed,
)
export type SweepConfig = Static<typeof SweepEntry>
export type SweepRange = Static<typeof RangeConfig>

const AttributionConfig = Type.Object(
  {
    /** validation texts that similarity is measured over */
    texts: positive(50),
    /** of them, shown in the report */
    shown: Type.Integer({ minimum: 0, default: 4 }),
    /** points of the quadrature */
    steps: positive(50),
  },
  closed,
)

const LatencyConfig = Type.Object(
  {
    providers: Type.Array(choice('cpu', 'cuda', 'webgpu'), { default: ['cpu'], minItems: 1 }),
    calls: Type.Array(
      Type.Object({ batch: Type.Integer({ minimum: 1 }), tokens: Type.Integer({ minimum: 3 }) }, closed),
      { default: [{ batch: 1, tokens: 128 }], minItems: 1 },
    ),
    /** measured calls of each kind */
    repeats: positive(50),
    /** CPU threads of one operator; ONNX Runtime's choice unless told otherwise */
    threads: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
)

export const StudyConfigSchema = Type.Object(
  {
    name: Name,
    description: Type.String({ default: '' }),
    data: DataConfig,
    /** one split, or */
    split: Type.Optional(Type.Object(SplitConfig.properties, closed)),
    /** k folds, whose out-of-fold predictions are pooled */
    folds: Type.Optional(FoldsConfig),
    /** every model is trained once a seed */
    seeds: Type.Array(Type.Integer(), { default: [1], minItems: 1, uniqueItems: true }),
    /** longest input in tokens, special tokens included */
    max_tokens: Type.Integer({ minimum: 8, default: 512 }),
    bucket_width: positive(64),
    run_length: positive(8),
    bootstrap_resamples: positive(1000),
    /** whose vocabulary models without a base have: a checkpoint folder or hf:owner/name; made from the training texts otherwise */
    tokenizer: Type.Optional(Type.String()),
    teacher: Type.Optional(TeacherEntry),
    teachers: Type.Optional(Type.Array(TeacherEntry, { minItems: 1 })),
    /** how far each of several teachers is trusted with an example: by its weight, or also by how well it knows the label */
    teacher_confidence: Type.Union([Type.Literal('weight'), Type.Literal('label')], { default: 'weight' }),
    students: Type.Array(StudentEntry, { default: [] }),
    methods: Type.Array(Type.Union([...METHOD_NAMES.map((name) => Type.Literal(name)), MethodEntry]), {
      default: ['control', 'vanilla'],
      minItems: 1,
    }),
    chains: Type.Array(ChainEntry, { default: [] }),
    corpus: Type.Optional(CorpusConfig),
    general: Type.Optional(GeneralConfig),
    pretraining: Type.Optional(PretrainingConfig),
    hard_examples: Type.Optional(HardExamplesConfig),
    /** one after the other, each with what the ones before it chose; a single one may be written without the list */
    sweep: Type.Array(SweepEntry, { default: [] }),
    attribution: Type.Optional(AttributionConfig),
    latency: Type.Optional(LatencyConfig),
    /** checkpoints of every seed and fold, or of the first only */
    keep_weights: Type.Union([Type.Literal('all'), Type.Literal('first')], { default: 'all' }),
  },
  closed,
)

export type StudySource = Static<typeof StudyConfigSchema>
export type StudyTeacher = Static<typeof TeacherEntry>
export type StudyStudent = Static<typeof StudentEntry>
export type StudyMethod = Static<typeof MethodEntry>
export type StudyChain = Static<typeof ChainEntry>
/** A checked configuration: itself one that may be written, with teachers in a list and methods spelt out. */
export type StudyConfig = Omit<StudySource, 'teacher' | 'teachers' | 'methods'> & {
  readonly teachers: readonly StudyTeacher[]
  readonly methods: readonly StudyMethod[]
}
