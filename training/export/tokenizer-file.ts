import { FamilyInvalid } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'

/**
 * The tokenizer.json that a family ships: the trained one without its truncation and padding, which belong to serving.
 * @throws FamilyInvalid when it is not a tokenizer.json, or knows more tokens than a tier's embedding table has rows
 */
export function servingTokenizer(
  text: string,
  family: {
    readonly name: string
    readonly tiers: readonly { readonly tier: string; readonly config: EncoderConfig }[]
  },
): string {
  let tokenizer: TokenizerFile
  try {
    tokenizer = JSON.parse(text)
  } catch (error) {
    throw new FamilyInvalid(family.name, `tokenizer.json is not JSON (${(error as Error).message})`)
  }
  const vocabulary = tokenizer.model?.vocab
  if (!vocabulary) throw new FamilyInvalid(family.name, 'tokenizer.json has no model.vocab; is it a tokenizer.json?')
  // WordPiece keeps a map from token to id, Unigram a list
  const ids: number[] = Array.isArray(vocabulary) ? [vocabulary.length - 1] : Object.values(vocabulary as Vocabulary)
  const added = (tokenizer.added_tokens ?? []).map(({ id }) => id)
  const largest = [...ids, ...added].reduce((max, id) => Math.max(max, id), 0)
  for (const { tier, config } of family.tiers) {
    if (largest >= config.vocabSize) {
      throw new FamilyInvalid(
        family.name,
        `tokenizer.json has token ids up to ${largest}, but tier "${tier}" embeds only ${config.vocabSize} tokens`,
      )
    }
  }
  return JSON.stringify({ ...tokenizer, truncation: null, padding: null })
}

type Vocabulary = Readonly<Record<string, number>>

interface TokenizerFile {
  readonly model?: { readonly vocab?: Vocabulary | readonly unknown[] }
  readonly added_tokens?: readonly { readonly id: number }[]
}
