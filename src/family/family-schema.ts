/**
 * The schema of `family.json`, the manifest of a family folder: what it predicts, which tiers it has, which bytes they are
 * and how good they were measured to be. Its SHA-256 is the family's version, since it holds the hash of every other file.
 */
import { type Static, Type } from 'typebox'

export const FAMILY_FORMAT_VERSION = 1

/** Tiers, most accurate first. */
export const TIER_NAMES = ['teacher', 'balanced', 'fast'] as const
export type TierName = (typeof TIER_NAMES)[number]

const closed = { additionalProperties: false }
const count = Type.Integer({ minimum: 0 })

export const TierNameSchema = Type.Union([Type.Literal('teacher'), Type.Literal('balanced'), Type.Literal('fast')], {
  description: 'teacher is the most accurate tier, fast the quickest',
})

const FileSchema = Type.Object({ sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }), bytes: count }, closed)

const EncoderConfigSchema = Type.Object(
  {
    vocabSize: count,
    hiddenSize: count,
    layers: count,
    heads: count,
    intermediateSize: count,
    maxPositions: count,
    typeVocabSize: count,
    layerNormEpsilon: Type.Number(),
    padTokenId: count,
    activation: Type.Union([Type.Literal('gelu'), Type.Literal('gelu_new'), Type.Literal('relu')]),
    pooling: Type.Union([Type.Literal('cls'), Type.Literal('mean')]),
    pooler: Type.Union([Type.Literal('tanh'), Type.Literal('relu'), Type.Literal('none')]),
    labels: Type.Integer({ minimum: 2 }),
  },
  closed,
)

/** A measured figure with its 95% bootstrap interval over examples. */
export const EstimateSchema = Type.Object({ value: Type.Number(), low: Type.Number(), high: Type.Number() }, closed)
export type Estimate = Static<typeof EstimateSchema>

/** Quality on one split. AUC of more than two classes is the macro average of one-vs-rest. ECE has 15 bins. */
export const QualitySchema = Type.Object(
  {
    split: Type.String(),
    examples: count,
    accuracy: EstimateSchema,
    macroF1: EstimateSchema,
    auc: EstimateSchema,
    nll: EstimateSchema,
    brier: EstimateSchema,
    /** equal-width bins */
    ece: EstimateSchema,
    /** equal-mass bins */
    eceEqualMass: EstimateSchema,
  },
  closed,
)
export type Quality = Static<typeof QualitySchema>

/** What always answering the training split's most frequent label (with the label shares as probabilities) would score. */
export const MajorityBaselineSchema = Type.Object(
  {
    label: Type.String(),
    accuracy: Type.Number(),
    macroF1: Type.Number(),
    auc: Type.Number(),
    nll: Type.Number(),
    brier: Type.Number(),
    ece: Type.Number(),
    eceEqualMass: Type.Number(),
  },
  closed,
)
export type MajorityBaseline = Static<typeof MajorityBaselineSchema>

export const CalibrationSchema = Type.Object(
  {
    method: Type.Literal('temperature'),
    /** logits are divided by it before the softmax; 1 leaves them as they are */
    temperature: Type.Number({ exclusiveMinimum: 0 }),
    fittedOn: Type.String(),
    nllBefore: Type.Number(),
    nllAfter: Type.Number(),
    eceBefore: Type.Number(),
    eceAfter: Type.Number(),
  },
  closed,
)
export type Calibration = Static<typeof CalibrationSchema>

/** The exported file against the trained parameters, on real texts. */
export const ParitySchema = Type.Object(
  {
    texts: count,
    /** largest |exported logit − trained logit| */
    maxLogitDifference: Type.Number(),
    /** largest difference allowed; export fails above it */
    tolerance: Type.Number(),
    /** share of texts whose most likely label is the same */
    labelAgreement: Type.Number(),
  },
  closed,
)
export type Parity = Static<typeof ParitySchema>

/** explain.onnx (Integrated Gradients) against the training engine, on real texts. */
export const ExplainCheckSchema = Type.Object(
  {
    /** points of the quadrature */
    steps: Type.Integer({ minimum: 1 }),
    texts: count,
    /** largest difference of a token's attribution, as a share of the Euclidean length of its text's attributions */
    maxDifference: Type.Number(),
    /** largest difference allowed; export fails above it */
    tolerance: Type.Number(),
    /** largest |convergence delta|, in logits: sum of the attributions less the logit's rise over the baseline's */
    maxDelta: Type.Number(),
  },
  closed,
)
export type ExplainCheck = Static<typeof ExplainCheckSchema>

export const TierSchema = Type.Object(
  {
    tier: TierNameSchema,
    architecture: Type.String(),
    config: EncoderConfigSchema,
    parameters: count,
    /** how weights.bin stores matrices; the arithmetic of the portable model is fp32 in either case */
    precision: Type.Union([Type.Literal('fp16'), Type.Literal('int8')]),
    files: Type.Object(
      { 'model.onnx': FileSchema, 'weights.bin': FileSchema, 'explain.onnx': Type.Optional(FileSchema) },
      closed,
    ),
    calibration: CalibrationSchema,
    /** on the test split, calibrated */
    quality: QualitySchema,
    /** students only, on the test split */
    teacherAgreement: Type.Optional(EstimateSchema),
    /** students only: mean KL(teacher ‖ student) on the test split, nats */
    teacherDivergence: Type.Optional(EstimateSchema),
    parity: ParitySchema,
    /** with explain.onnx only */
    explain: Type.Optional(ExplainCheckSchema),
    training: Type.Object(
      {
        method: Type.String(),
        initialisation: Type.String(),
        /** epochs run; early stopping may end before the configured number */
        epochs: Type.Number(),
        steps: count,
        seed: Type.Integer(),
        /** the epoch whose weights these are, counted from 1 */
        bestEpoch: Type.Optional(count),
        history: Type.Optional(
          Type.Array(
            Type.Object(
              {
                epoch: count,
                trainLoss: Type.Number(),
                validationNll: Type.Number(),
                validationAccuracy: Type.Number(),
                seconds: Type.Number(),
              },
              closed,
            ),
          ),
        ),
      },
      closed,
    ),
  },
  closed,
)
export type TierManifest = Static<typeof TierSchema>

export const DataSchema = Type.Object(
  {
    /** of the file that was read */
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    description: Type.String(),
    /** of the texts, as a sentence for the model card */
    licence: Type.Optional(Type.String()),
    textColumn: Type.String(),
    labelColumn: Type.String(),
    rows: count,
    skipped: count,
    split: Type.Object(
      {
        method: Type.Union([Type.Literal('stratified'), Type.Literal('temporal'), Type.Literal('grouped')]),
        seed: Type.Integer(),
        train: count,
        validation: count,
        test: count,
      },
      closed,
    ),
    labelCounts: Type.Record(Type.String(), count),
    warnings: Type.Array(Type.String()),
  },
  closed,
)
export type DataManifest = Static<typeof DataSchema>

export const FamilySchema = Type.Object(
  {
    formatVersion: Type.Literal(FAMILY_FORMAT_VERSION),
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,62}$' }),
    description: Type.String(),
    /** in the order of the logits */
    labels: Type.Array(Type.String({ minLength: 1 }), { minItems: 2, uniqueItems: true }),
    tokenizer: Type.Object(
      { file: Type.Literal('tokenizer.json'), sha256: FileSchema.properties.sha256, bytes: count },
      closed,
    ),
    /** longest input in tokens, special tokens included */
    maxTokens: Type.Integer({ minimum: 8 }),
    /** tokens that neighbouring windows of a long text share */
    windowOverlap: Type.Integer({ minimum: 0 }),
    tiers: Type.Array(TierSchema, { minItems: 1, maxItems: TIER_NAMES.length }),
    majority: MajorityBaselineSchema,
    data: DataSchema,
    /** the training configuration, complete */
    config: Type.Record(Type.String(), Type.Unknown()),
    versions: Type.Record(Type.String(), Type.String()),
    createdAt: Type.String(),
  },
  closed,
)
export type FamilyManifest = Static<typeof FamilySchema>
