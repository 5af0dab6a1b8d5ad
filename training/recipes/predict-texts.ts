import type { EncoderSession } from '../../src/onnx/encoder-session.js'
import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { planWindows, withSpecialTokens } from '../../src/tokenizer/windows.js'

export interface TextLogits {
  /** [labels], uncalibrated; of a long text the mean over its windows, weighted by the tokens that each adds */
  readonly logits: Float32Array
  /** of the whole text, without special tokens */
  readonly tokens: number
  readonly windows: number
}

/** Padded tokens a batch: small enough for a laptop, large enough to keep its cores busy. */
const BATCH_TOKENS = 4096

/**
 * Logits of texts under an exported model, read as serving reads them: a text longer than the model in overlapping windows.
 * @param maxTokens longest input, special tokens included
 * @param onProgress texts answered so far
 */
export async function predictTexts(
  session: EncoderSession,
  tokenizer: TextTokenizer,
  texts: readonly string[],
  { maxTokens, windowOverlap }: { maxTokens: number; windowOverlap: number },
  onProgress: (done: number) => void = () => {},
): Promise<TextLogits[]> {
  const encoded = await tokenizer.encodeBatch(texts)
  const jobs = encoded
    .flatMap(({ ids }, text) =>
      planWindows(ids.length, maxTokens, windowOverlap).map(({ start, end, weight }) => ({
        text,
        weight,
        inputIds: withSpecialTokens(ids.subarray(start, end), tokenizer),
      })),
    )
    .sort((a, b) => a.inputIds.length - b.inputIds.length)
  const sums: (Float64Array | undefined)[] = new Array(texts.length)
  const weights = new Float64Array(texts.length)
  const windows = new Int32Array(texts.length)
  let next = 0
  while (next < jobs.length) {
    const batch = [jobs[next]!]
    // sorted by length: the candidate is the longest of the batch
    while (next + batch.length < jobs.length) {
      const candidate = jobs[next + batch.length]!
      if (candidate.inputIds.length * (batch.length + 1) > BATCH_TOKENS) break
      batch.push(candidate)
    }
    const answers = await session.run(batch)
    for (const [i, { text, weight }] of batch.entries()) {
      const sum = sums[text] ?? new Float64Array(answers[i]!.length)
      for (let label = 0; label < sum.length; label++) sum[label]! += weight * answers[i]![label]!
      sums[text] = sum
      weights[text]! += weight
      windows[text]!++
    }
    next += batch.length
    onProgress(Math.round((next / jobs.length) * texts.length))
  }
  return texts.map((_, i) => ({
    logits: Float32Array.from(sums[i]!, (sum) => sum / weights[i]!),
    tokens: encoded[i]!.ids.length,
    windows: windows[i]!,
  }))
}
