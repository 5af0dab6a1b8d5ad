import type { MajorityBaseline, Quality } from '../../src/family/family-schema.js'
import { argmax } from '../../src/family/softmax.js'
import { aucMetric } from './auc.js'
import { type BootstrapOptions, bootstrapEstimates } from './bootstrap.js'
import { eceMetric } from './calibration-error.js'
import { accuracyMetric, macroF1Metric } from './classification-scores.js'
import { brierMetric, nllMetric } from './proper-scores.js'
import { onceEach, type ResampledMetric, type ScoredExamples, scoreExamples } from './sample.js'
import type { ClassRows } from './softmax.js'

export type QualityMetricName = Exclude<keyof Quality, 'split' | 'examples'>

/** Every quality metric of these predictions, ready to be resampled. */
export function qualityMetrics(examples: ScoredExamples): Record<QualityMetricName, ResampledMetric> {
  return {
    accuracy: accuracyMetric(examples),
    macroF1: macroF1Metric(examples),
    auc: aucMetric(examples),
    nll: nllMetric(examples),
    brier: brierMetric(examples),
    ece: eceMetric(examples, 'equal-width'),
    eceEqualMass: eceMetric(examples, 'equal-mass'),
  }
}

/**
 * Quality of predictions on one split, each figure with its 95% bootstrap interval over examples.
 * @throws ShapeMismatch when rows, labels or probabilities do not fit; DataInvalid when only one class occurs
 */
export function measureQuality({
  probabilities,
  labels,
  split,
  bootstrap,
}: {
  /** calibrated, [examples, labels] */
  probabilities: ClassRows
  /** true class of every example */
  labels: readonly number[]
  /** name of the split, for the report */
  split: string
  bootstrap?: BootstrapOptions | undefined
}): Quality {
  const metrics = qualityMetrics(scoreExamples(probabilities, labels))
  return { split, examples: labels.length, ...bootstrapEstimates(metrics, labels.length, bootstrap) }
}

/**
 * What always answering with the training split's label shares scores: the bar for every model.
 * @param trainLabels classes of the training examples
 * @param evalLabels true classes of the examples that models are measured on
 * @param labelNames in the order of the classes
 */
export function majorityBaseline(
  trainLabels: readonly number[],
  evalLabels: readonly number[],
  labelNames: readonly string[],
): MajorityBaseline {
  const shares = new Array<number>(labelNames.length).fill(0)
  for (const label of trainLabels) shares[label]! += 1 / trainLabels.length
  const examples = scoreExamples(
    evalLabels.map(() => shares),
    evalLabels,
  )
  const counts = onceEach(evalLabels.length)
  const values = Object.entries(qualityMetrics(examples)).map(([name, metric]) => [name, metric(counts)])
  return { label: labelNames[argmax(shares)]!, ...(Object.fromEntries(values) as Record<QualityMetricName, number>) }
}
