/**
 * WordPiece in place, for text of characters that BERT's normaliser and pre-tokeniser treat in one obvious way: most of what
 * a court writes. A call to the library copies the text, wakes two threads and allocates for each token several things that
 * serving never asks for, ten times the work of looking the words up.
 */

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
const PLAIN_TEXT = /^[\t\n\r -~§¶·«»‐-―‘’“”†‡•…]*$/
const WORD = 1
const SPACE = 2
/** of each plain character; what is neither is punctuation, a token of its own */
const CLASSES = Uint8Array.from({ length: 0x2100 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[a-z0-9]/i.test(character)) return WORD
  return /\s/.test(character) ? SPACE : 0
})

/** @returns undefined where the definition is not that of a BERT WordPiece tokenizer */
export function plainWordPiece(definition: WordPieceDefinition): PlainEncoder | undefined {
  const { normalizer, pre_tokenizer: preTokenizer, model } = definition
  if (normalizer?.type !== 'BertNormalizer' || preTokenizer?.type !== 'BertPreTokenizer') return undefined
  const unknown = model?.vocab?.[model.unk_token ?? '']
  if (model?.type !== 'WordPiece' || !model.vocab || unknown === undefined) return undefined

  const whole = new Map(Object.entries(model.vocab))
  const prefix = model.continuing_subword_prefix ?? '##'
  const rest = new Map<string, number>()
  for (const [token, id] of whole) if (token.startsWith(prefix)) rest.set(token.slice(prefix.length), id)
  const longest = [...whole.keys()].reduce((most, { length }) => Math.max(most, length), 0)
  const maxWordLength = model.max_input_chars_per_word ?? 100
  const lowercase = normalizer.lowercase ?? true
  const added = anyOf((definition.added_tokens ?? []).map(({ content }) => content))

  /** Greedy, longest piece first; a word of which any part is unknown is unknown. */
  const addPieces = (word: string, ids: number[]): void => {
    const before = ids.length
    let vocabulary = whole
    for (let start = 0; start < word.length; vocabulary = rest) {
      let end = Math.min(word.length, start + longest)
      let id = vocabulary.get(word.slice(start, end))
      while (id === undefined && end > start + 1) id = vocabulary.get(word.slice(start, --end))
      if (id === undefined) {
        ids.length = before
        ids.push(unknown)
        return
      }
      ids.push(id)
      start = end
    }
  }
  const addWord = (word: string, ids: number[]): void => {
    const id = word.length > maxWordLength ? unknown : whole.get(word)
    if (id === undefined) addPieces(word, ids)
    else ids.push(id)
  }

  return (text) => {
    if (!PLAIN_TEXT.test(text) || added?.test(text)) return undefined
    const normal = lowercase ? text.toLowerCase() : text
    const ids: number[] = []
    for (let at = 0; at < normal.length; ) {
      let end = at + 1
      const kind = CLASSES[normal.charCodeAt(at)]
      if (kind === WORD) while (end < normal.length && CLASSES[normal.charCodeAt(end)] === WORD) end++
      if (kind !== SPACE) addWord(normal.slice(at, end), ids)
      at = end
    }
    return Int32Array.from(ids)
  }
}

/** In either case: what a tokenizer normalises before it looks for an added token is not known here. */
function anyOf(words: readonly string[]): RegExp | undefined {
  if (words.length === 0) return undefined
  return new RegExp(words.map((word) => word.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'i')
}
