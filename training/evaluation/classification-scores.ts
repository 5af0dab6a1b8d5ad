import { meanOf, type ResampledMetric, type ScoredExamples } from './sample.js'

/** Share of examples whose most likely class is the true one. */
export function accuracyMetric({ predicted, labels }: ScoredExamples): ResampledMetric {
  return meanOf(predicted.map((label, i) => (label === labels[i] ? 1 : 0)))
}

/**
 * Unweighted mean over classes of F1 = 2·TP / (2·TP + FP + FN). Classes that are neither true nor predicted anywhere in the
 * sample are left out, as scikit-learn does.
 */
export function macroF1Metric({ predicted, labels, labelCount }: ScoredExamples): ResampledMetric {
  return (counts) => {
    const truePositives = new Float64Array(labelCount)
    const occurrences = new Float64Array(labelCount) // 2·TP + FP + FN: once for each true, once for each predicted
    for (let i = 0; i < labels.length; i++) {
      const count = counts[i]!
      occurrences[labels[i]!]! += count
      occurrences[predicted[i]!]! += count
      if (labels[i] === predicted[i]) truePositives[labels[i]!]! += count
    }
    let sum = 0
    let classes = 0
    for (let label = 0; label < labelCount; label++) {
      if (occurrences[label] === 0) continue
      sum += (2 * truePositives[label]!) / occurrences[label]!
      classes++
    }
    return sum / classes
  }
}
