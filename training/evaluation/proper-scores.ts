import { meanOf, type ResampledMetric, type ScoredExamples } from './sample.js'

/** Least probability that the log-likelihood takes: a confident mistake costs 36 nats, not infinity (as scikit-learn). */
export const LEAST_PROBABILITY = Number.EPSILON

/** Negative log-likelihood of the true class, mean over examples, nats. */
export function nllMetric({ probabilities, labels }: ScoredExamples): ResampledMetric {
  return meanOf(probabilities.map((row, i) => -Math.log(Math.max(row[labels[i]!]!, LEAST_PROBABILITY))))
}

/**
 * Brier score, mean over examples. Two classes: (p − y)² of the second one, in [0, 1]; more: Σ over classes (p − y)², in
 * [0, 2]. The conventions are scikit-learn's (`brier_score_loss`, scale_by_half="auto").
 */
export function brierMetric({ probabilities, labels, labelCount }: ScoredExamples): ResampledMetric {
  const scale = labelCount === 2 ? 0.5 : 1
  return meanOf(
    probabilities.map((row, i) => {
      let sum = 0
      for (let label = 0; label < labelCount; label++) sum += (row[label]! - (labels[i] === label ? 1 : 0)) ** 2
      return sum * scale
    }),
  )
}
