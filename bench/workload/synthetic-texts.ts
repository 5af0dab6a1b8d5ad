import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import type { Random } from '../../training/random.js'
import { sampleCaseLengths } from './case-lengths.js'

const WORDS =
  `the of a to in and that for was by on as with court state petitioner respondent appeal jury trial judge district
  statute police officer evidence motion conviction sentence claim federal constitutional amendment due process equal
  protection rights law held affirmed reversed remanded certiorari granted contract company employee union commission
  agency congress act section violation damages injury property tax school board election speech religion search seizure
  warrant arrest defendant plaintiff counsel testimony witness counterclaim jurisdiction habeas corpus interstate commerce
  unconstitutional discrimination administrative bankruptcy patent infringement notwithstanding`.split(/\s+/)

/**
 * Texts whose lengths are distributed like those of real case facts and whose words mean nothing together. A model's time
 * depends on the number of tokens, not on which they are; its answers to these are worthless.
 * @returns texts with so many tokens, but for a word cut at the end that splits otherwise than the whole one
 */
export async function syntheticTexts(count: number, tokenizer: TextTokenizer, random: Random): Promise<string[]> {
  const texts: string[] = []
  for (const tokens of sampleCaseLengths(count, random)) texts.push(await textOfTokens(tokens, tokenizer, random))
  return texts
}

/** @returns one such text; see `syntheticTexts` for how exact its length is */
export async function textOfTokens(tokens: number, tokenizer: TextTokenizer, random: Random): Promise<string> {
  // at least one token a word
  const text = Array.from({ length: tokens }, () => WORDS[random.integer(WORDS.length)]).join(' ')
  const last = (await tokenizer.encode(text)).offsets()[tokens - 1]
  return text.slice(0, last?.end)
}
