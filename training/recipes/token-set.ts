import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { truncate, withSpecialTokens } from '../../src/tokenizer/windows.js'
import { classesOf, type Example } from '../data/dataset.js'

/** Examples as a model reads them in training: one sequence each, cut after the first tokens where it must be. */
export interface TokenSet {
  readonly texts: readonly string[]
  /** [CLS] … [SEP], at most maxTokens long */
  readonly sequences: readonly Int32Array[]
  /** class of each example */
  readonly labels: readonly number[]
  /** examples that were cut */
  readonly truncated: number
}

/**
 * @param labelNames in the order of the classes
 * @param maxTokens longest sequence, special tokens included
 */
export async function tokenizeExamples(
  examples: readonly Example[],
  labelNames: readonly string[],
  tokenizer: TextTokenizer,
  maxTokens: number,
): Promise<TokenSet> {
  const texts = examples.map(({ text }) => text)
  const encoded = await tokenizer.encodeBatch(texts)
  let truncated = 0
  const sequences = encoded.map(({ ids }) => {
    const { end } = truncate(ids.length, maxTokens)
    if (end < ids.length) truncated++
    return withSpecialTokens(ids.subarray(0, end), tokenizer)
  })
  return { texts, sequences, labels: classesOf(examples, labelNames), truncated }
}

/** @returns the longest input that both the configuration and the encoder's position table allow */
export function inputLimit(maxTokens: number, config: EncoderConfig): number {
  return Math.min(maxTokens, config.maxPositions)
}
