/**
 * WordPiece in place, for text of characters that BERT's normaliser and pre-tokeniser treat in one obvious way: most of what
 * a court writes. A call to the library copies the text, wakes two threads and allocates for each token several things that
 * serving never asks for, ten times the work of looking the words up.
 */
import { extendHash, HASH_OF_NOTHING, WordIds } from './word-ids.js'

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
const SCRATCH_BYTES = Buffer.from(SCRATCH.buffer)
/** Its tokens, while they are counted. */
const IDS = new Int32Array(SCRATCH.length)

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
    // one call costs half of asking the string for each; every machine that ONNX Runtime runs on is little-endian
    const bytes = characters === SCRATCH ? SCRATCH_BYTES : Buffer.from(characters.buffer)
    bytes.write(text, 'utf16le')
    // no token is of less than one character
    const ids = length <= IDS.length ? IDS : new Int32Array(length)
    let tokens = 0
    for (let at = 0; at < length; ) {
      const start = at
      let hash = HASH_OF_NOTHING
      let kind = 0
      do {
        const character = characters[at]!
        const own = character < CLASSES.length ? CLASSES[character] : 0
        if (own === 0) return undefined
        if (at > start && own !== WORD) break
        kind = own!
        const isCapital = character >= CAPITAL_A && character <= CAPITAL_Z
        const read = isCapital && lowercase ? character + TO_LOWER : character
        characters[at] = read
        hash = extendHash(hash, read)
        at++
      } while (kind === WORD && at < length)
      if (kind === SPACE) continue
      const word = at - start <= maxWordLength ? firsts.find(characters, start, at, hash) : -1
      if (word >= 0) ids[tokens++] = firsts.id(word)
      else tokens = addPieces(characters, start, at, ids, tokens)
    }
    return ids.slice(0, tokens)
  }

  /**
   * Greedy, longest piece first; a word of which any part is unknown is unknown.
   * @returns how many tokens there are then
   */
  function addPieces(characters: Uint16Array, start: number, end: number, ids: Int32Array, before: number): number {
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

/** In either case and with any white space: what is normalised before a tokenizer looks for an added token is not known here. */
function anyOf(words: readonly string[]): RegExp | undefined {
  if (words.length === 0) return undefined
  const literal = (word: string) => word.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/\s+/g, '\\s+')
  return new RegExp(words.map(literal).join('|'), 'i')
}
