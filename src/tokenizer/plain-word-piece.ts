/**
 * WordPiece in place, for text of characters that BERT's normaliser and pre-tokeniser treat in one obvious way: most of what
 * a court writes. A call to the library copies the text, wakes two threads and allocates for each token several things that
 * serving never asks for, ten times the work of looking the words up.
 */
import { WordIds } from './word-ids.js'

/** What of a `tokenizer.json` says whether this applies. */
export interface WordPieceDefinition {
  readonly added_tokens?: readonly { readonly content: string }[]
  readonly normalizer?: { readonly type?: string; readonly lowercase?: boolean } | null
  readonly pre_tokenizer?: { readonly type?: string } | null
  readonly model?: {
    readonly type?: string
    readonly unk_token?: string
    readonly continuing_subword_prefix?: string
    readonly max_input_chars_per_word?: number
    readonly vocab?: Readonly<Record<string, number>>
  }
}

/** @returns the ids without special tokens; undefined for a text that the library must encode */
export type PlainEncoder = (text: string) => Int32Array | undefined

/** ASCII without control characters, and the marks of typeset prose that Unicode calls punctuation */
const PLAIN_CHARACTER = /[\t\n\r -~§¶·«»‐-―‘’“”†‡•…]/
const SPACE = 1
const WORD = 2
/** a token of its own */
const PUNCTUATION = 3
/** of each character up to the last plain one; 0: not plain */
const CLASSES = Uint8Array.from({ length: 0x2027 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (!PLAIN_CHARACTER.test(character)) return 0
  if (/[a-z0-9]/i.test(character)) return WORD
  return /\s/.test(character) ? SPACE : PUNCTUATION
})
const CAPITAL_A = 0x41
const CAPITAL_Z = 0x5a
const TO_LOWER = 0x20
/** Characters of the text in hand; a longer one brings its own. */
const SCRATCH = new Uint16Array(16_384)

/** @returns undefined where the definition is not that of a BERT WordPiece tokenizer */
export function plainWordPiece(definition: WordPieceDefinition): PlainEncoder | undefined {
  const { normalizer, pre_tokenizer: preTokenizer, model } = definition
  if (normalizer?.type !== 'BertNormalizer' || preTokenizer?.type !== 'BertPreTokenizer') return undefined
  const unknown = model?.vocab?.[model.unk_token ?? '']
  if (model?.type !== 'WordPiece' || !model.vocab || unknown === undefined) return undefined

  const prefix = model.continuing_subword_prefix ?? '##'
  const vocabulary = Object.entries(model.vocab)
  const firsts = new WordIds(vocabulary)
  const rests = new WordIds(
    vocabulary.flatMap(([token, id]) => (token.startsWith(prefix) ? [[token.slice(prefix.length), id] as const] : [])),
  )
  const maxWordLength = model.max_input_chars_per_word ?? 100
  const lowercase = normalizer.lowercase ?? true
  const added = anyOf((definition.added_tokens ?? []).map(({ content }) => content))

  return (text) => {
    if (added?.test(text)) return undefined
    const { length } = text
    const characters = length <= SCRATCH.length ? SCRATCH : new Uint16Array(length)
    for (let at = 0; at < length; at++) {
      const character = text.charCodeAt(at)
      if (character >= CLASSES.length || CLASSES[character] === 0) return undefined
      const isCapital = character >= CAPITAL_A && character <= CAPITAL_Z
      characters[at] = isCapital && lowercase ? character + TO_LOWER : character
    }
    // no token is of less than one character
    const ids = new Int32Array(length)
    let tokens = 0
    for (let at = 0; at < length; ) {
      let end = at + 1
      const kind = CLASSES[characters[at]!]
      if (kind === WORD) while (end < length && CLASSES[characters[end]!] === WORD) end++
      if (kind !== SPACE) tokens = addWord(characters, at, end, ids, tokens)
      at = end
    }
    return ids.slice(0, tokens)
  }

  /**
   * Greedy, longest piece first; a word of which any part is unknown is unknown.
   * @returns how many tokens there are then
   */
  function addWord(characters: Uint16Array, start: number, end: number, ids: Int32Array, before: number): number {
    let tokens = before
    let at = start
    let pieces = firsts
    while (at < end && end - start <= maxWordLength) {
      const piece = pieces.longestPrefix(characters, at, end)
      if (piece < 0) break
      ids[tokens++] = pieces.id(piece)
      at += pieces.length(piece)
      pieces = rests
    }
    if (at === end) return tokens
    ids[before] = unknown!
    return before + 1
  }
}

/** In either case: what a tokenizer normalises before it looks for an added token is not known here. */
function anyOf(words: readonly string[]): RegExp | undefined {
  if (words.length === 0) return undefined
  return new RegExp(words.map((word) => word.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'i')
}
