import { type Static, Type } from 'typebox'
import { TIER_NAMES } from '../../family/family-schema.js'
import { stringEnum } from '../string-enum.js'

export const MAX_TEXTS = 64
export const MAX_TEXT_BYTES = 1024 * 1024
const MAX_BUDGET_MS = 60_000

const closed = { additionalProperties: false }
const tierOrAuto = ['auto', ...TIER_NAMES] as const
const milliseconds = (description: string) => Type.Number({ description })
const optionalMilliseconds = (description: string) =>
  Type.Unsafe<number | null>({ type: ['number', 'null'], description })

const Family = Type.String({
  minLength: 1,
  maxLength: 63,
  description: 'which family; default: the configured default family',
})
const Tier = stringEnum(tierOrAuto, {
  description: 'a named tier is always obeyed; auto: the most accurate tier predicted to answer within the budget',
})
const Budget = Type.Number({
  exclusiveMinimum: 0,
  maximum: MAX_BUDGET_MS,
  description: "milliseconds from the request's arrival to its answer",
})

export const PredictBody = Type.Object(
  {
    text: Type.Optional(
      Type.String({ minLength: 1, description: 'one text, up to 1 MiB of UTF-8; HTML markup is removed' }),
    ),
    texts: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        maxItems: MAX_TEXTS,
        description: 'several texts, each up to 1 MiB of UTF-8, answered in order; HTML markup is removed',
      }),
    ),
    family: Type.Optional(Family),
    tier: Type.Optional(Tier),
    latency_budget_ms: Type.Optional(Budget),
    on_budget_miss: stringEnum(['fastest', 'reject'], {
      default: 'fastest',
      description: 'when no tier is predicted to meet the budget: the fastest tier, or 422 BUDGET_INFEASIBLE',
    }),
    long_text: stringEnum(['windows', 'truncate'], {
      default: 'windows',
      description:
        'texts longer than the model: overlapping windows, logits averaged by token weight; or the first tokens only',
    }),
    min_confidence: Type.Optional(
      Type.Number({
        minimum: 0.5,
        maximum: 1,
        description:
          'tier auto only: the least accurate tier answers first; while its calibrated probability is below this (of any of the texts) ' +
          'and budget remains, the next more accurate tier answers instead',
      }),
    ),
    abstain_below: Type.Optional(
      Type.Number({ minimum: 0.5, maximum: 1, description: 'answers less sure than this say abstained: true' }),
    ),
  },
  {
    ...closed,
    // on_budget_miss and long_text have defaults, so that nothing but the texts is required
    required: [],
    oneOf: [{ required: ['text'] }, { required: ['texts'] }],
    title: 'PredictRequest',
    examples: [{ text: 'The petitioner was convicted of …', latency_budget_ms: 25 }],
  },
)
export type PredictBody = Static<typeof PredictBody>

/** The same choices as headers, for callers who prefer them; they win over the body. */
export const PredictHeaders = Type.Object({
  'x-tier': Type.Optional(Tier),
  'x-latency-budget-ms': Type.Optional(Budget),
  'x-family': Type.Optional(Family),
})
export type PredictHeaders = Static<typeof PredictHeaders>

const PredictionSchema = Type.Object(
  {
    label: Type.String(),
    probability: Type.Number({ description: 'calibrated probability of the label' }),
    probabilities: Type.Record(Type.String(), Type.Number(), { description: 'one a label; they sum to 1' }),
    tokens: Type.Integer({ description: 'of the whole text, without special tokens' }),
    tokens_used: Type.Integer({ description: 'of those, how many the model read' }),
    windows: Type.Integer({ description: 'windows that the text was read in' }),
    truncated: Type.Boolean(),
    abstained: Type.Boolean(),
  },
  { ...closed, title: 'Prediction' },
)

const RoutingSchema = Type.Object(
  {
    requested_tier: stringEnum(tierOrAuto),
    budget_ms: optionalMilliseconds('null: there was no budget'),
    predicted_ms: milliseconds('predicted from arrival to answer'),
    actual_ms: milliseconds('from arrival to answer'),
    budget_met: Type.Unsafe<boolean | null>({ type: ['boolean', 'null'], description: 'null: there was no budget' }),
    reason: stringEnum([
      'most_accurate_within_budget',
      'protects_others',
      'requested',
      'no_budget',
      'budget_infeasible_fastest',
      'fell_back',
      'escalated',
      'confident',
    ]),
    escalations: Type.Optional(
      Type.Integer({
        description: 'only with min_confidence: how many tiers answered before and were not sure enough',
      }),
    ),
    considered: Type.Array(Type.Object({ tier: stringEnum(TIER_NAMES), predicted_ms: Type.Number() }, closed), {
      description: 'the tiers weighed, in that order',
    }),
  },
  { ...closed, title: 'Routing' },
)

export const PredictAnswer = Type.Object(
  {
    family: Type.String(),
    version: Type.String({ description: 'sha256 of the family manifest' }),
    tier: stringEnum(TIER_NAMES),
    provider: Type.String({ description: 'execution provider that ran: cpu, cuda or webgpu' }),
    predictions: Type.Array(PredictionSchema),
    routing: RoutingSchema,
  },
  {
    ...closed,
    title: 'PredictResponse',
    examples: [
      {
        family: 'scotus-outcome',
        version: 'sha256:1f3c…',
        tier: 'balanced',
        provider: 'cpu',
        predictions: [
          {
            label: 'first_party_wins',
            probability: 0.71,
            probabilities: { first_party_loses: 0.29, first_party_wins: 0.71 },
            tokens: 312,
            tokens_used: 312,
            windows: 1,
            truncated: false,
            abstained: false,
          },
        ],
        routing: {
          requested_tier: 'auto',
          budget_ms: 25,
          predicted_ms: 11.2,
          actual_ms: 9.8,
          budget_met: true,
          reason: 'most_accurate_within_budget',
          considered: [
            { tier: 'teacher', predicted_ms: 48.3 },
            { tier: 'balanced', predicted_ms: 11.2 },
          ],
        },
      },
    ],
  },
)
export type PredictAnswer = Static<typeof PredictAnswer>

/** The form of the lines of a stream, for the API document: each is checked on its own, by the schema of a lone request. */
export const PredictLines = Type.Unsafe<unknown>({
  description: 'One PredictRequest a line (NDJSON); the headers hold for every line',
  examples: ['{"text":"The petitioner was convicted of …"}\n{"text":"The respondent …"}\n'],
})
export const PredictAnswerLines = Type.Unsafe<unknown>({
  description: 'One line for each of the request, in order: a PredictResponse, or a Problem for a line that has none',
})

/** Response headers of a prediction, as OpenAPI documents them. */
export const PREDICT_RESPONSE_HEADERS = {
  'X-Tier': { type: 'string', description: 'the tier that ran' },
  'X-Family': { type: 'string' },
  'X-Predicted-Latency-Ms': { type: 'number' },
  'Server-Timing': { type: 'string', description: 'tokenize, queue and inference, in milliseconds' },
  'X-Request-Id': { type: 'string', description: 'echoed if sent' },
} as const
