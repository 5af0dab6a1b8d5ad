/**
 * The schema of `report.json`, everything that a study found out. The report page and the CSV files are made from it alone.
 * Probabilities and shares are in [0, 1], times in the units of their names, NLL and KL in nats.
 */
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { InvalidConfiguration } from '../../src/errors.js'
import { EstimateSchema, MajorityBaselineSchema, QualitySchema } from '../../src/family/family-schema.js'

export const RESULTS_FORMAT_VERSION = 1

const closed = { additionalProperties: false }
const count = Type.Integer({ minimum: 0 })
const seconds = Type.Number({ minimum: 0 })

/**
 * `teacher`: learns from labels, and others from it. `control`: a student's architecture and start, fine-tuned on labels alone
 * with the same budget. `student`: distilled from one teacher or several. `chain`: the last link of a progressive chain.
 */
export const ModelKindSchema = Type.Union([
  Type.Literal('teacher'),
  Type.Literal('student'),
  Type.Literal('control'),
  Type.Literal('chain'),
])
export type ModelKind = Static<typeof ModelKindSchema>

/** Every quality metric of one seed, without interval. */
export const SeedFiguresSchema = Type.Omit(MajorityBaselineSchema, ['label'], closed)
export type SeedFigures = Static<typeof SeedFiguresSchema>

/** One bar of a reliability diagram: equal-width bins of confidence, all seeds' predictions together; empty bins left out. */
export const ReliabilityBinSchema = Type.Object(
  { examples: count, meanConfidence: Type.Number(), accuracy: Type.Number() },
  closed,
)

/** One training: a seed on a fold. `fold` counts from 0 and is 0 where there is one split. */
export const CurveSchema = Type.Object(
  {
    seed: Type.Integer(),
    fold: count,
    /** the epoch whose weights were kept, counted from 1 */
    bestEpoch: count,
    epochs: Type.Array(
      Type.Object(
        {
          epoch: count,
          trainLoss: Type.Number(),
          validationNll: Type.Number(),
          validationAccuracy: Type.Number(),
        },
        closed,
      ),
    ),
  },
  closed,
)
export type Curve = Static<typeof CurveSchema>

export const LatencySchema = Type.Object(
  {
    /** cpu, cuda, webgpu, … */
    provider: Type.String(),
    /** texts a call */
    batch: Type.Integer({ minimum: 1 }),
    /** tokens a text, special tokens included */
    tokens: Type.Integer({ minimum: 1 }),
    /** of one call */
    p50Ms: Type.Number({ minimum: 0 }),
    p95Ms: Type.Number({ minimum: 0 }),
  },
  closed,
)
export type Latency = Static<typeof LatencySchema>

export const ModelResultSchema = Type.Object(
  {
    /** unique in the study */
    name: Type.String({ minLength: 1 }),
    kind: ModelKindSchema,
    /** as `lextier architectures` names it, or layers x hidden */
    architecture: Type.String(),
    layers: count,
    hiddenSize: count,
    /** counted, all of them */
    parameters: count,
    /** the teacher's parameters / the model's; 1 for a teacher */
    compression: Type.Number({ exclusiveMinimum: 0 }),
    /** how the weights were initialised, as a phrase: `layers 0, 2, 5 of teacher`, `random`, `all-MiniLM-L6-v2` */
    start: Type.String(),
    /** `fine-tuning`, `vanilla`, `feature`, …: the name of the losses */
    method: Type.String(),
    /** students and chains: whom they learnt from (several teachers joined by ` + `) */
    teacher: Type.Optional(Type.String()),
    /** students: the fine-tuned model of the same architecture and start */
    control: Type.Optional(Type.String()),
    /** one entry a seed: calibrated figures on all test cases */
    seeds: Type.Array(Type.Object({ seed: Type.Integer(), figures: SeedFiguresSchema }, closed), { minItems: 1 }),
    /** calibrated; means over seeds, intervals over cases (see pooledQuality) */
    quality: QualitySchema,
    /** the same before temperature scaling */
    uncalibrated: QualitySchema,
    /** one entry a training */
    temperatures: Type.Array(
      Type.Object({ seed: Type.Integer(), fold: count, temperature: Type.Number({ exclusiveMinimum: 0 }) }, closed),
    ),
    reliability: Type.Object(
      { before: Type.Array(ReliabilityBinSchema), after: Type.Array(ReliabilityBinSchema) },
      closed,
    ),
    /** share of cases with the teacher's label, mean over seeds */
    agreement: Type.Optional(EstimateSchema),
    /** mean KL(teacher ‖ model), nats, mean over seeds */
    klFromTeacher: Type.Optional(EstimateSchema),
    curves: Type.Array(CurveSchema),
    /** all trainings of this model together, without its teacher's */
    trainingSeconds: seconds,
    /** in training */
    sequencesPerSecond: Type.Number({ minimum: 0 }),
    latency: Type.Array(LatencySchema),
    /** mean cosine similarity with the teacher's attributions */
    attributionSimilarity: Type.Optional(EstimateSchema),
    warnings: Type.Array(Type.String()),
  },
  closed,
)
export type ModelResult = Static<typeof ModelResultSchema>

/** Model a against its control b on the same cases. Differences are a − b: accuracy above 0 and NLL below 0 speak for a. */
export const ComparisonSchema = Type.Object(
  {
    a: Type.String(),
    b: Type.String(),
    accuracy: EstimateSchema,
    macroF1: EstimateSchema,
    nll: EstimateSchema,
    /** cases that only b gets right and that only a gets right, mean over pairs of seeds: [n01, n10] */
    discordant: Type.Tuple([Type.Number({ minimum: 0 }), Type.Number({ minimum: 0 })]),
    test: Type.Union([Type.Literal('exact'), Type.Literal('chi-squared')]),
    /** McNemar, two-sided */
    pMcNemar: Type.Number({ minimum: 0, maximum: 1 }),
    /** corrected for all comparisons of the study */
    pHolm: Type.Number({ minimum: 0, maximum: 1 }),
  },
  closed,
)
export type ComparisonResult = Static<typeof ComparisonSchema>

/** The models that no other beats in both accuracy and median latency, for one kind of call. */
export const ParetoSchema = Type.Object(
  {
    provider: Type.String(),
    batch: Type.Integer({ minimum: 1 }),
    tokens: Type.Integer({ minimum: 1 }),
    /** fastest first */
    front: Type.Array(Type.String()),
  },
  closed,
)
export type ParetoResult = Static<typeof ParetoSchema>

export const AttributionExampleSchema = Type.Object(
  {
    exampleId: Type.String(),
    /** the text that the tokens were taken from */
    text: Type.String(),
    /** the true label */
    label: Type.String(),
    /** the label whose logit is attributed */
    target: Type.String(),
    /** UTF-16 positions in `text`, [start, end), one a token, without special tokens */
    offsets: Type.Array(Type.Tuple([count, count])),
    /** teacher first */
    models: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          /** of the target */
          probability: Type.Optional(Type.Number()),
          /** one a token, L2-normalised; above 0 speaks for the target */
          attributions: Type.Array(Type.Number()),
          /** Σ attributions − (f(text) − f(baseline)), before normalising */
          delta: Type.Number(),
        },
        closed,
      ),
    ),
  },
  closed,
)
export type AttributionExample = Static<typeof AttributionExampleSchema>

export const DataAuditSchema = Type.Object(
  {
    sha256: Type.String(),
    description: Type.String(),
    licence: Type.Optional(Type.String()),
    textColumn: Type.String(),
    labelColumn: Type.String(),
    rows: count,
    skipped: count,
    labelCounts: Type.Record(Type.String(), count),
    /** as sentences, worst first: columns and words that give the label away */
    leaks: Type.Array(Type.String()),
    nearDuplicates: Type.Object(
      {
        groups: count,
        /** groups with members on several sides of the split */
        acrossSides: count,
        /** groups of exactly the same words with different labels */
        conflicts: count,
      },
      closed,
    ),
    split: Type.Object(
      {
        method: Type.Union([Type.Literal('stratified'), Type.Literal('temporal'), Type.Literal('grouped')]),
        seed: Type.Integer(),
        /** 1: one split; more: every case is tested once, by the models that did not see it */
        folds: Type.Integer({ minimum: 1 }),
        /** examples of one fold, means where folds differ */
        train: Type.Number({ minimum: 0 }),
        validation: Type.Number({ minimum: 0 }),
        test: Type.Number({ minimum: 0 }),
        /** test cases of all folds together */
        tested: count,
      },
      closed,
    ),
    warnings: Type.Array(Type.String()),
  },
  closed,
)
export type DataAudit = Static<typeof DataAuditSchema>

export const SweepSchema = Type.Object(
  {
    /** grid or random, with its budget, as a phrase */
    description: Type.String(),
    trials: Type.Array(
      Type.Object(
        {
          parameters: Type.Record(Type.String(), Type.Unknown()),
          /** absent where the trial failed */
          validationNll: Type.Optional(Type.Number()),
          chosen: Type.Boolean(),
        },
        closed,
      ),
    ),
  },
  closed,
)

export const StudyResultsSchema = Type.Object(
  {
    formatVersion: Type.Literal(RESULTS_FORMAT_VERSION),
    name: Type.String({ minLength: 1 }),
    description: Type.String(),
    /** ISO 8601 */
    createdAt: Type.String(),
    /** in the order of the logits */
    labels: Type.Array(Type.String(), { minItems: 2 }),
    data: DataAuditSchema,
    /** the study's configuration, complete */
    config: Type.Record(Type.String(), Type.Unknown()),
    environment: Type.Object(
      {
        /** lextier, node, onnxruntime, tfjs */
        versions: Type.Record(Type.String(), Type.String()),
        /** what trained, a line each: device, engine, GPU */
        devices: Type.Array(Type.String()),
      },
      closed,
    ),
    majority: MajorityBaselineSchema,
    models: Type.Array(ModelResultSchema),
    comparisons: Type.Array(ComparisonSchema),
    pareto: Type.Array(ParetoSchema),
    attributions: Type.Array(AttributionExampleSchema),
    sweeps: Type.Array(SweepSchema),
    warnings: Type.Array(Type.String()),
    /** stages that ended in an error; the rest went on without them */
    failures: Type.Array(Type.Object({ stage: Type.String(), error: Type.String() }, closed)),
    timings: Type.Array(Type.Object({ stage: Type.String(), seconds }, closed)),
  },
  closed,
)
export type StudyResults = Static<typeof StudyResultsSchema>

/**
 * @param source the file, for the message
 * @throws InvalidConfiguration naming the field, when this is no report.json of this version
 */
export function parseStudyResults(raw: unknown, source: string): StudyResults {
  const version = (raw as { formatVersion?: unknown } | null)?.formatVersion
  if (version !== RESULTS_FORMAT_VERSION) {
    const found = version === undefined ? 'no formatVersion' : `formatVersion ${JSON.stringify(version)}`
    throw new InvalidConfiguration(
      source,
      `has ${found}, this lextier reads ${RESULTS_FORMAT_VERSION}; name the report.json of a study`,
    )
  }
  const [fault] = Value.Errors(StudyResultsSchema, raw)
  if (fault) {
    const where = fault.instancePath === '' ? 'the file' : fault.instancePath.slice(1).replaceAll('/', '.')
    throw new InvalidConfiguration(source, `${where}: ${fault.message}`)
  }
  return raw as StudyResults
}
