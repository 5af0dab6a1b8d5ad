import type { PreparedText } from './long-text.js'
import type { Prediction } from './types.js'

/** @returns softmax(logits / temperature) */
export function calibratedProbabilities(logits: Float64Array, temperature: number): Float64Array {
  const largest = Math.max(...logits)
  const exponentials = logits.map((logit) => Math.exp((logit - largest) / temperature))
  const sum = exponentials.reduce((total, value) => total + value, 0)
  return exponentials.map((value) => value / sum)
}

/** The answer for one text: its most likely label, the earlier one where two are equally likely. */
export function predictionOf(
  probabilities: Float64Array,
  labels: readonly string[],
  text: PreparedText,
  abstainBelow: number | undefined,
): Prediction {
  const best = probabilities.indexOf(Math.max(...probabilities))
  const probability = probabilities[best]!
  return {
    label: labels[best]!,
    probability,
    probabilities: Object.fromEntries(labels.map((label, index) => [label, probabilities[index]!])),
    tokens: text.tokens,
    tokensUsed: text.tokensUsed,
    windows: text.windows.length,
    truncated: text.tokensUsed < text.tokens,
    abstained: abstainBelow !== undefined && probability < abstainBelow,
  }
}
