import { argmax } from '../../src/family/softmax.js'
import type { EncoderSession } from '../../src/onnx/encoder-session.js'
import type { ExplainSession } from '../../src/onnx/explain-session.js'
import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { averageLogits, planWindows, withSpecialTokens } from '../../src/tokenizer/windows.js'

/** What a token of a text adds to a label's logit. */
export interface AttributedToken {
  /** UTF-16 code units: `text.slice(start, end)` is what the token came from */
  readonly start: number
  readonly end: number
  /** in logits; above 0 it speaks for the label */
  readonly attribution: number
}

export interface AttributedText {
  /** index of the label that is explained */
  readonly target: number
  /** [labels], uncalibrated; of a long text the mean over its windows */
  readonly logits: Float64Array
  /** without special tokens, whose attributions are 0 */
  readonly tokens: readonly AttributedToken[]
  /** convergence delta, in logits */
  readonly delta: number
  readonly windows: number
}

/** A tier's exported files, open. */
export interface TierFiles {
  readonly model: EncoderSession
  readonly explainer: ExplainSession
  readonly tokenizer: TextTokenizer
  /** longest input, special tokens included */
  readonly maxTokens: number
  readonly windowOverlap: number
}

/**
 * Explains an answer as it is served. A long text's logits are the weighted mean of its windows' logits, hence its
 * attributions are the sum of theirs by the same weights.
 * @param target index of a label; the most likely one unless told otherwise
 */
export async function attributeText(files: TierFiles, text: string, target?: number): Promise<AttributedText> {
  const { model, explainer, tokenizer, maxTokens, windowOverlap } = files
  const encoded = await tokenizer.encode(text)
  const windows = planWindows(encoded.ids.length, maxTokens, windowOverlap)
  const sequences = windows.map(({ start, end }) => ({
    inputIds: withSpecialTokens(encoded.ids.subarray(start, end), tokenizer),
  }))
  const rows: Float32Array[] = []
  for (const sequence of sequences) rows.push(...(await model.run([sequence])))
  const logits = averageLogits(rows, windows)
  const explained = target ?? argmax(logits)
  const total = windows.reduce((sum, { weight }) => sum + weight, 0)
  const sums = new Float64Array(encoded.ids.length)
  let delta = 0
  for (const [i, { start, end, weight }] of windows.entries()) {
    const found = await explainer.run(sequences[i]!, explained)
    // position 0 is [CLS]
    for (let at = start; at < end; at++) sums[at]! += (weight / total) * found.attributions[at - start + 1]!
    delta += (weight / total) * found.delta
  }
  const tokens = encoded.offsets().map(({ start, end }, i) => ({ start, end, attribution: sums[i]! }))
  return { target: explained, logits, tokens, delta, windows: windows.length }
}
