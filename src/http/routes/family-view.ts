/** A family as the API shows it: the manifest's facts beside what this server is doing with it. */

import type { DescribedFamily } from '../../family/described-family.js'
import type { Calibration, TierManifest } from '../../family/family-schema.js'
import { figures } from '../../family/figures.js'
import type { FamilyStatus, TierStatus } from '../../serving/types.js'
import type { FamilyDetail, FamilySummary } from './family-schema.js'

/** What a family is beside its manifest and its state. */
export interface FamilyStanding {
  readonly isDefault: boolean
  /** why what its folder holds now is not what is served; undefined when it is */
  readonly refusal: string | undefined
}

/** @param status what the classifier says of the family; undefined: it does not serve it (yet) */
export function familySummary(
  { manifest, version }: DescribedFamily,
  status: FamilyStatus | undefined,
  { isDefault, refusal }: FamilyStanding,
): FamilySummary {
  return {
    name: manifest.name,
    description: manifest.description,
    version,
    default: isDefault,
    ready: status?.ready ?? false,
    reasons: [...(status?.reasons ?? ['not loaded'])],
    ...(refusal !== undefined && { refused_update: refusal }),
    labels: manifest.labels,
    tiers: manifest.tiers.map((tier) => tierSummary(tier, statusOf(status, tier))),
  }
}

export function familyDetail(
  family: DescribedFamily,
  status: FamilyStatus | undefined,
  standing: FamilyStanding,
): FamilyDetail {
  const { manifest } = family
  const { textColumn, labelColumn, labelCounts, ...data } = manifest.data
  return {
    ...familySummary(family, status, standing),
    tiers: manifest.tiers.map((tier) => tierDetail(tier, statusOf(status, tier))),
    max_tokens: manifest.maxTokens,
    window_overlap: manifest.windowOverlap,
    majority: figures(manifest.majority),
    data: { ...data, text_column: textColumn, label_column: labelColumn, label_counts: labelCounts },
    created_at: manifest.createdAt,
  }
}

function statusOf(status: FamilyStatus | undefined, { tier }: TierManifest): TierStatus | undefined {
  return status?.tiers.find((one) => one.tier === tier)
}

function tierSummary({ tier, architecture, parameters, quality }: TierManifest, status: TierStatus | undefined) {
  return {
    tier,
    architecture,
    parameters,
    ready: status?.ready ?? false,
    provider: status?.provider ?? '',
    variant: status === undefined || status.variant === 'none' ? '' : status.variant,
    accuracy: quality.accuracy,
  }
}

function tierDetail(tier: TierManifest, status: TierStatus | undefined): FamilyDetail['tiers'][number] {
  const { config, training } = tier
  return {
    ...tierSummary(tier, status),
    layers: config.layers,
    hidden_size: config.hiddenSize,
    heads: config.heads,
    intermediate_size: config.intermediateSize,
    precision: tier.precision,
    quality: figures(tier.quality),
    ...(tier.teacherAgreement && { teacher_agreement: tier.teacherAgreement }),
    ...(tier.teacherDivergence && { teacher_divergence: tier.teacherDivergence }),
    calibration: calibrationView(tier.calibration),
    training: {
      method: training.method,
      initialisation: training.initialisation,
      epochs: training.epochs,
      steps: training.steps,
      seed: training.seed,
    },
    latency_profile: (status?.latencyProfile ?? []).map(({ tokens, predictedMs }) => ({
      tokens,
      predicted_ms: Math.round(predictedMs * 1000) / 1000,
    })),
  }
}

function calibrationView({ method, temperature, ...fit }: Calibration) {
  return {
    method,
    temperature,
    fitted_on: fit.fittedOn,
    nll_before: fit.nllBefore,
    nll_after: fit.nllAfter,
    ece_before: fit.eceBefore,
    ece_after: fit.eceAfter,
  }
}
