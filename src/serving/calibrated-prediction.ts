import { argmax } from '../family/softmax.js'
import type { PreparedText } from './long-text.js'
import type { Prediction } from './types.js'

/** The answer for one text: its most likely label, the earlier one where two are equally likely. */
export function predictionOf(
  probabilities: Float64Array,
  labels: readonly string[],
  text: PreparedText,
  abstainBelow: number | undefined,
): Prediction {
  const best = argmax(probabilities)
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
