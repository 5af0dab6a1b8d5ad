import type { ResampledMetric, ScoredExamples } from './sample.js'

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, ties half. More than two classes: the
 * unweighted mean of one-vs-rest over the classes that the sample has examples both in and out of; NaN if there is none.
 */
export function aucMetric({ probabilities, labels, labelCount }: ScoredExamples): ResampledMetric {
  const scored = labelCount === 2 ? [1] : [...Array(labelCount).keys()]
  const curves = scored.map((label) => {
    const scores = Float64Array.from(probabilities, (row) => row[label]!)
    const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a]! - scores[b]!)
    const positive = Uint8Array.from(labels, (truth) => (truth === label ? 1 : 0))
    return { scores, order, positive }
  })
  return (counts) => {
    let sum = 0
    let defined = 0
    for (const { scores, order, positive } of curves) {
      const area = rankArea(scores, order, positive, counts)
      if (Number.isNaN(area)) continue
      sum += area
      defined++
    }
    return defined === 0 ? Number.NaN : sum / defined
  }
}

/** Mann–Whitney U / (positives · negatives), in one pass over the scores in ascending order. */
function rankArea(scores: Float64Array, order: Uint32Array, positive: Uint8Array, counts: ArrayLike<number>): number {
  let wins = 0
  let positives = 0
  let negatives = 0
  for (let start = 0; start < order.length; ) {
    const score = scores[order[start]!]
    let tiedPositives = 0
    let tiedNegatives = 0
    let end = start
    for (; end < order.length && scores[order[end]!] === score; end++) {
      const example = order[end]!
      if (positive[example] === 1) tiedPositives += counts[example]!
      else tiedNegatives += counts[example]!
    }
    wins += tiedPositives * (negatives + tiedNegatives / 2)
    positives += tiedPositives
    negatives += tiedNegatives
    start = end
  }
  return positives === 0 || negatives === 0 ? Number.NaN : wins / (positives * negatives)
}
