/** From a request's texts to the sequences that a model takes, and from those sequences' logits back to the texts. */
import { PayloadTooLarge } from '../errors.js'
import type { TextTokenizer } from '../tokenizer/text-tokenizer.js'
import { planWindows, truncate, type Window, withSpecialTokens } from '../tokenizer/windows.js'
import type { ClassifyRequest } from './types.js'

export interface PreparedText {
  /** of the whole text, without special tokens */
  readonly tokens: number
  readonly tokensUsed: number
  readonly windows: readonly Window[]
  /** one a window, special tokens included */
  readonly sequences: readonly Int32Array[]
}

export interface LongTextPolicy {
  readonly longText: ClassifyRequest['longText']
  readonly maxTokens: number
  readonly windowOverlap: number
  /** tokens of all texts together that windows may cover */
  readonly maxRequestTokens: number
}

/** @throws PayloadTooLarge when the texts have more tokens together than one request may have read in windows */
export function prepareTexts(
  texts: readonly Int32Array[],
  special: Pick<TextTokenizer, 'clsId' | 'sepId'>,
  policy: LongTextPolicy,
): PreparedText[] {
  const { longText, maxTokens, windowOverlap, maxRequestTokens } = policy
  const total = texts.reduce((sum, ids) => sum + ids.length, 0)
  if (longText === 'windows' && total > maxRequestTokens) {
    throw tooManyTokens(String(total), maxRequestTokens)
  }
  return texts.map((ids) => {
    const windows =
      longText === 'windows' ? planWindows(ids.length, maxTokens, windowOverlap) : [truncate(ids.length, maxTokens)]
    return {
      tokens: ids.length,
      tokensUsed: windows.at(-1)!.end,
      windows,
      sequences: windows.map(({ start, end }) => withSpecialTokens(ids.subarray(start, end), special)),
    }
  })
}

/** @param found how many there are, in words */
export function tooManyTokens(found: string, maxRequestTokens: number): Error {
  return new PayloadTooLarge(
    `the request has ${found} tokens, and at most ${maxRequestTokens} are read in windows; ` +
      'send fewer or shorter texts, or long_text "truncate"',
  )
}
