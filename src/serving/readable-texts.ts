import { setImmediate } from 'node:timers/promises'
import { InvalidRequest } from '../errors.js'
import { htmlToText } from '../tokenizer/html-text.js'

/** A text of about a tenth of a mebibyte takes milliseconds to read; other requests get their turn after it. */
const LONG_TEXT_CODE_UNITS = 100_000

/**
 * Texts as the family learnt them: markup removed, entities decoded, white space collapsed, as training reads its files.
 * @throws InvalidRequest when a text is markup and nothing else
 */
export async function readableTexts(texts: readonly string[]): Promise<string[]> {
  const readable: string[] = []
  for (const [index, text] of texts.entries()) {
    const plain = htmlToText(text)
    if (plain === '') {
      throw new InvalidRequest(`text ${index + 1} of ${texts.length} holds markup and nothing to read; send its words`)
    }
    readable.push(plain)
    if (text.length > LONG_TEXT_CODE_UNITS) await setImmediate()
  }
  return readable
}
