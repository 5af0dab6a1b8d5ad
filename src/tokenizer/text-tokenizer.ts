/**
 * A thin face on the `tokenizers` library: a `tokenizer.json` in, token ids and offsets out. The library encodes on threads
 * of its own; where ids are all that is asked for, plain text is looked up in place.
 */
import { readFileSync } from 'node:fs'
import tokenizers from 'tokenizers'
import { TokenizerInvalid } from '../errors.js'
import type { Limit } from '../threads/limit-concurrency.js'
import { plainWordPiece, type WordPieceDefinition } from './plain-word-piece.js'
import { splitAtWhitespace } from './text-chunks.js'
import { codePointOffsetsToUtf16 } from './utf16-offsets.js'

/** Where a token stands in its text: UTF-16 code units, so that `text.slice(start, end)` is what the token came from. */
export interface TokenOffset {
  readonly start: number
  readonly end: number
}

export interface Encoded {
  /** without special tokens */
  readonly ids: Int32Array
  /** one a token; worked out when asked for, since serving never needs them */
  offsets(): TokenOffset[]
}

export interface TextTokenizer {
  /** the `tokenizer.json` that it was made of, from which another thread can make the same */
  readonly definition: string
  readonly clsId: number
  readonly sepId: number
  readonly padId: number
  readonly unkId: number
  /** undefined for a vocabulary without a mask token */
  readonly maskId: number | undefined
  /** added tokens included */
  readonly vocabSize: number
  /**
   * Any string is taken, lone surrogates included (they become U+FFFD, which BERT's normaliser drops). A special token
   * written out in the text, such as `[SEP]`, becomes that token, as it does in Hugging Face's tokenizers.
   */
  encode(text: string): Promise<Encoded>
  /**
   * The ids of a text that needs no more than its words looked up, at once; undefined for one that `encodeIds` must be asked
   * for. White space counts for no token, however much of it there is.
   */
  plainIds(text: string): Int32Array | undefined
  /** The ids alone: nothing else that the library knows of a text is kept in memory. */
  encodeIds(text: string): Promise<Int32Array>
  encodeBatch(texts: readonly string[]): Promise<Encoded[]>
}

/** A long text is encoded in pieces of about this many UTF-16 code units: it then never holds a thread for long. */
const CHUNK_CODE_UNITS = 32_768

/**
 * Reads a Hugging Face `tokenizer.json`.
 * @param create makes the tokenizer of what the file holds
 * @throws TokenizerInvalid when the file is missing, is not a tokenizer, or lacks [CLS], [SEP], [PAD] or [UNK]
 */
export function loadTokenizer(file: string, create: typeof createTokenizer = createTokenizer): TextTokenizer {
  let definition: string
  try {
    definition = readFileSync(file, 'utf8')
  } catch (error) {
    throw unreadable(file, error)
  }
  return create(definition, file)
}

/**
 * Truncation and padding that the definition may prescribe are switched off: callers decide about windows, and nothing is
 * ever cut silently.
 * @param definition what a `tokenizer.json` holds
 * @param file names it in errors
 * @param limit how many pieces of texts may be encoded at once; default: any number
 * @throws TokenizerInvalid as loadTokenizer does
 */
export function createTokenizer(definition: string, file: string, limit: Limit = (work) => work()): TextTokenizer {
  const { tokenizer, json } = parse(definition, file)
  tokenizer.disableTruncation()
  tokenizer.disablePadding()
  const tokenId = (token: string): number => {
    const id = tokenizer.tokenToId(token)
    if (id === null) throw new TokenizerInvalid(file, `has no ${token} token; a BERT vocabulary is needed`)
    return id
  }
  // BERT's pre-tokeniser drops whitespace and never looks across it, so pieces cut there give the whole text's tokens
  const chunkable = json.pre_tokenizer?.type === 'BertPreTokenizer' && json.normalizer?.type === 'BertNormalizer'
  const plainIds = plainWordPiece(json) ?? (() => undefined)

  const encodePiece = (text: string) => tokenizer.encode(text, null, { addSpecialTokens: false })
  const piecesOf = (text: string) => (chunkable ? splitAtWhitespace(text, CHUNK_CODE_UNITS) : [text])
  const encodeIds = async (text: string): Promise<Int32Array> => {
    const plain = plainIds(text)
    if (plain) return plain
    const ids: Int32Array[] = []
    for (const piece of piecesOf(text)) ids.push(idsOf(await limit(() => encodePiece(piece))))
    return concatenate(ids)
  }
  const encode = async (text: string): Promise<Encoded> => {
    const pieces = piecesOf(text)
    const encodings: Awaited<ReturnType<typeof encodePiece>>[] = []
    const ids: Int32Array[] = []
    for (const piece of pieces) {
      const encoding = await limit(() => encodePiece(piece))
      encodings.push(encoding)
      ids.push(idsOf(encoding))
    }
    return {
      ids: concatenate(ids),
      offsets() {
        let pieceStart = 0
        return encodings.flatMap((encoding, index) => {
          const piece = pieces[index]!
          const base = pieceStart
          pieceStart += piece.length
          return codePointOffsetsToUtf16(piece, encoding.getOffsets() as [number, number][]).map(([start, end]) => ({
            start: base + start,
            end: base + end,
          }))
        })
      },
    }
  }

  return {
    definition,
    clsId: tokenId('[CLS]'),
    sepId: tokenId('[SEP]'),
    padId: tokenId('[PAD]'),
    unkId: tokenId('[UNK]'),
    maskId: tokenizer.tokenToId('[MASK]') ?? undefined,
    vocabSize: tokenizer.getVocabSize(true),
    encode,
    plainIds,
    encodeIds,
    encodeBatch: (texts) => Promise.all(texts.map(encode)),
  }
}

function idsOf(encoding: { getIds(): number[] }): Int32Array {
  return Int32Array.from(encoding.getIds())
}

function parse(definition: string, file: string) {
  try {
    const json = JSON.parse(definition) as WordPieceDefinition
    return { tokenizer: tokenizers.Tokenizer.fromString(definition), json }
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unreadable(file: string, error: unknown): Error {
  return new TokenizerInvalid(file, `cannot be read as a tokenizer.json (${(error as Error).message})`)
}

function concatenate(parts: readonly Int32Array[]): Int32Array {
  if (parts.length === 1) return parts[0]!
  const whole = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
