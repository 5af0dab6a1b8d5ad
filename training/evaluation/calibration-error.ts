import type { Counts, ResampledMetric, ScoredExamples } from './sample.js'
import { onceEach } from './sample.js'

export const ECE_BINS = 15

/** How examples are put into bins by their confidence, the probability of the most likely class. */
export type Binning = 'equal-width' | 'equal-mass'

/** One bar of a reliability diagram. */
export interface ReliabilityBin {
  readonly examples: number
  readonly meanConfidence: number
  readonly accuracy: number
}

interface Bins {
  readonly weight: Float64Array
  readonly confidence: Float64Array
  readonly correct: Float64Array
}

/**
 * Expected calibration error over 15 bins: Σ (bin's share) · |accuracy − mean confidence| (Guo et al. 2017). Equal-width bins
 * are (k/15, (k+1)/15]; equal-mass bins hold a 15th of the examples each, equal confidences never parted.
 */
export function eceMetric(examples: ScoredExamples, binning: Binning): ResampledMetric {
  const fill = binFiller(examples, binning)
  return (counts) => {
    const { weight, confidence, correct } = fill(counts)
    let total = 0
    let error = 0
    for (let bin = 0; bin < ECE_BINS; bin++) {
      total += weight[bin]!
      error += Math.abs(correct[bin]! - confidence[bin]!)
    }
    return error / total
  }
}

/** The bins of a reliability diagram, least confident first; empty bins left out. */
export function reliabilityBins(examples: ScoredExamples, binning: Binning): ReliabilityBin[] {
  const { weight, confidence, correct } = binFiller(examples, binning)(onceEach(examples.labels.length))
  const bins: ReliabilityBin[] = []
  for (let bin = 0; bin < ECE_BINS; bin++) {
    const count = weight[bin]!
    if (count === 0) continue
    bins.push({ examples: count, meanConfidence: confidence[bin]! / count, accuracy: correct[bin]! / count })
  }
  return bins
}

/** Sums of count, confidence and correctness for each bin, as a function of the counts. */
function binFiller({ probabilities, labels, predicted }: ScoredExamples, binning: Binning): (counts: Counts) => Bins {
  const confidences = Float64Array.from(probabilities, (row, i) => row[predicted[i]!]!)
  const correct = Uint8Array.from(labels, (label, i) => (label === predicted[i] ? 1 : 0))
  const binsOf = binning === 'equal-width' ? equalWidth(confidences) : equalMass(confidences)
  return (counts) => {
    const bins = {
      weight: new Float64Array(ECE_BINS),
      confidence: new Float64Array(ECE_BINS),
      correct: new Float64Array(ECE_BINS),
    }
    const binOf = binsOf(counts)
    for (let i = 0; i < confidences.length; i++) {
      const bin = binOf[i]!
      bins.weight[bin]! += counts[i]!
      bins.confidence[bin]! += counts[i]! * confidences[i]!
      bins.correct[bin]! += counts[i]! * correct[i]!
    }
    return bins
  }
}

function equalWidth(confidences: Float64Array): (counts: Counts) => Uint8Array {
  const binOf = Uint8Array.from(confidences, (confidence) =>
    Math.min(ECE_BINS - 1, Math.max(0, Math.ceil(confidence * ECE_BINS) - 1)),
  )
  return () => binOf
}

/** A run of equal confidences goes to the bin of its first place in the order: ties carry no order of their own. */
function equalMass(confidences: Float64Array): (counts: Counts) => Uint8Array {
  const order = Uint32Array.from(confidences.keys()).sort((a, b) => confidences[a]! - confidences[b]!)
  const binOf = new Uint8Array(confidences.length)
  return (counts) => {
    let total = 0
    for (let i = 0; i < confidences.length; i++) total += counts[i]!
    let place = 0
    for (let start = 0; start < order.length; ) {
      const bin = Math.min(ECE_BINS - 1, Math.floor((place * ECE_BINS) / total))
      let end = start
      for (; end < order.length && confidences[order[end]!] === confidences[order[start]!]; end++) {
        binOf[order[end]!] = bin
        place += counts[order[end]!]!
      }
      start = end
    }
    return binOf
  }
}
