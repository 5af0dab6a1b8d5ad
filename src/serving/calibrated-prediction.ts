import { argmax } from '../family/softmax.js'
import type { PreparedText } from './long-text.js'
import type { Prediction } from './types.js'

/** A family's labels, and probabilities by label. */
export class LabelSet {
  readonly labels: readonly string[]
  readonly #blank: Readonly<Record<string, number>>

  constructor(labels: readonly string[]) {
    this.labels = labels
    // a fraction: the copies then have room for one from the start, and all have one shape
    this.#blank = Object.fromEntries(labels.map((label) => [label, 0.5]))
  }

  /** Copying and filling in costs a fraction of adding a property a label to an empty object. */
  named(probabilities: Float64Array): Record<string, number> {
    const named = { ...this.#blank }
    for (let index = 0; index < this.labels.length; index++) named[this.labels[index]!] = probabilities[index]!
    return named
  }
}

/** The answer for one text: its most likely label, the earlier one where two are equally likely. */
export function predictionOf(
  probabilities: Float64Array,
  labels: LabelSet,
  text: PreparedText,
  abstainBelow: number | undefined,
): Prediction {
  const best = argmax(probabilities)
  const probability = probabilities[best]!
  return {
    label: labels.labels[best]!,
    probability,
    probabilities: labels.named(probabilities),
    tokens: text.tokens,
    tokensUsed: text.tokensUsed,
    windows: text.windows.length,
    truncated: text.tokensUsed < text.tokens,
    abstained: abstainBelow !== undefined && probability < abstainBelow,
  }
}
