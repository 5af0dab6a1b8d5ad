import { argmax } from '../../src/family/softmax.js'
import { nllMetric } from '../evaluation/proper-scores.js'
import { onceEach, scoreExamples } from '../evaluation/sample.js'
import { softmaxRows } from '../evaluation/softmax.js'

/** Mean negative log-likelihood (nats) and accuracy of uncalibrated logits, [examples, labels]. */
export function meanNll(logits: readonly Float32Array[], labels: readonly number[]): { nll: number; accuracy: number } {
  const probabilities = softmaxRows(logits)
  const right = probabilities.filter((row, i) => argmax(row) === labels[i]).length
  return {
    nll: nllMetric(scoreExamples(probabilities, labels))(onceEach(labels.length)),
    accuracy: right / labels.length,
  }
}
