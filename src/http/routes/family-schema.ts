/** What the API says about families, in the API's snake_case. */
import { type Static, Type } from 'typebox'
import { EstimateSchema, TIER_NAMES } from '../../family/family-schema.js'
import { stringEnum } from '../string-enum.js'

const closed = { additionalProperties: false }
const count = Type.Integer({ minimum: 0 })
const Tier = stringEnum(TIER_NAMES)

const Quality = Type.Object(
  {
    split: Type.String(),
    examples: count,
    accuracy: EstimateSchema,
    macro_f1: EstimateSchema,
    auc: EstimateSchema,
    nll: EstimateSchema,
    brier: EstimateSchema,
    ece: EstimateSchema,
    ece_equal_mass: EstimateSchema,
  },
  { ...closed, description: 'measured, each with its 95% bootstrap interval' },
)

const Calibration = Type.Object(
  {
    method: Type.Literal('temperature'),
    temperature: Type.Number(),
    fitted_on: Type.String(),
    nll_before: Type.Number(),
    nll_after: Type.Number(),
    ece_before: Type.Number(),
    ece_after: Type.Number(),
  },
  closed,
)

const TierSummary = Type.Object(
  {
    tier: Tier,
    architecture: Type.String(),
    parameters: count,
    ready: Type.Boolean(),
    provider: Type.String({ description: 'execution provider in use; empty before it is chosen' }),
    variant: Type.String({
      description:
        'form of the model that runs: portable (the exported file), fused_fp32, fused_fp16 or fused_int8 (derived from it); empty before it is loaded',
    }),
    accuracy: EstimateSchema,
  },
  { ...closed, title: 'TierSummary' },
)

const summaryFields = {
  name: Type.String(),
  description: Type.String(),
  version: Type.String({ description: 'sha256 of the family manifest' }),
  default: Type.Boolean({ description: 'whether it answers requests that name no family' }),
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String(), { description: 'why it is not ready' }),
  refused_update: Type.Optional(
    Type.String({ description: 'why the newer version in its folder is not served; absent when there is none' }),
  ),
  labels: Type.Array(Type.String()),
}

export const FamilySummary = Type.Object(
  { ...summaryFields, tiers: Type.Array(TierSummary) },
  { ...closed, title: 'FamilySummary' },
)
export type FamilySummary = Static<typeof FamilySummary>

export const FamilyList = Type.Object(
  {
    families: Type.Array(FamilySummary),
    refused: Type.Array(Type.Object({ name: Type.String(), reason: Type.String() }, closed), {
      description: 'folders that are not served, or not in their present state, and why',
    }),
  },
  { ...closed, title: 'FamilyList', description: 'The families of this server' },
)

const TierDetail = Type.Object(
  {
    ...TierSummary.properties,
    layers: count,
    hidden_size: count,
    heads: count,
    intermediate_size: count,
    precision: stringEnum(['fp16', 'int8'], { description: 'of the stored weights' }),
    quality: Quality,
    teacher_agreement: Type.Optional(EstimateSchema),
    teacher_divergence: Type.Optional(EstimateSchema),
    calibration: Calibration,
    training: Type.Object({
      method: Type.String(),
      initialisation: Type.String(),
      epochs: Type.Number(),
      steps: count,
      seed: Type.Integer(),
    }),
    latency_profile: Type.Array(Type.Object({ tokens: count, predicted_ms: Type.Number() }, closed), {
      description: 'predicted time of one text of so many tokens, on this machine; empty before warm-up',
    }),
  },
  { ...closed, title: 'TierDetail' },
)

export const FamilyDetail = Type.Object(
  {
    ...summaryFields,
    tiers: Type.Array(TierDetail),
    max_tokens: count,
    window_overlap: count,
    majority: Type.Object(
      {
        label: Type.String(),
        accuracy: Type.Number(),
        macro_f1: Type.Number(),
        auc: Type.Number(),
        nll: Type.Number(),
        brier: Type.Number(),
        ece: Type.Number(),
        ece_equal_mass: Type.Number(),
      },
      { ...closed, description: "what always answering the training split's most frequent label would score" },
    ),
    data: Type.Object(
      {
        sha256: Type.String(),
        description: Type.String(),
        text_column: Type.String(),
        label_column: Type.String(),
        rows: count,
        skipped: count,
        split: Type.Object(
          { method: Type.String(), seed: Type.Integer(), train: count, validation: count, test: count },
          closed,
        ),
        label_counts: Type.Record(Type.String(), count),
        warnings: Type.Array(Type.String()),
      },
      { ...closed, description: 'the data card: what the family was trained and measured on' },
    ),
    created_at: Type.String(),
  },
  { ...closed, title: 'Family', description: 'One family in full' },
)
export type FamilyDetail = Static<typeof FamilyDetail>
