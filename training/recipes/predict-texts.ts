import type { EncoderSession } from '../../src/onnx/encoder-session.js'
import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { averageLogits, planWindows, withSpecialTokens } from '../../src/tokenizer/windows.js'

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
  const plans = encoded.map(({ ids }) => planWindows(ids.length, maxTokens, windowOverlap))
  const jobs = plans
    .flatMap((windows, text) =>
      windows.map(({ start, end }, window) => ({
        text,
        window,
        inputIds: withSpecialTokens(encoded[text]!.ids.subarray(start, end), tokenizer),
      })),
    )
    .sort((a, b) => a.inputIds.length - b.inputIds.length)
  const rows = plans.map((windows) => new Array<Float32Array>(windows.length))
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
    for (const [i, { text, window }] of batch.entries()) rows[text]![window] = answers[i]!
    next += batch.length
    onProgress(Math.round((next / jobs.length) * texts.length))
  }
  return plans.map((windows, i) => ({
    logits: Float32Array.from(averageLogits(rows[i]!, windows)),
    tokens: encoded[i]!.ids.length,
    windows: windows.length,
  }))
}
