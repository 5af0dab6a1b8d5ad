/**
 * A thin face on the `tokenizers` library: a `tokenizer.json` in, token ids and offsets out. Encoding runs on the
 * library's threads, never on the event loop.
 */
import { readFileSync } from 'node:fs'
import tokenizers from 'tokenizers'
import { TokenizerInvalid } from '../errors.js'
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
  encodeBatch(texts: readonly string[]): Promise<Encoded[]>
}

/** A long text is encoded in pieces of about this many UTF-16 code units: it then never holds a thread for long. */
const CHUNK_CODE_UNITS = 32_768

interface TokenizerJson {
  readonly normalizer?: { readonly type?: string } | null
  readonly pre_tokenizer?: { readonly type?: string } | null
}

/**
 * Reads a Hugging Face `tokenizer.json`. Truncation and padding that it may prescribe are switched off: callers decide
 * about windows, and nothing is ever cut silently.
 * @throws TokenizerInvalid when the file is missing, is not a tokenizer, or lacks [CLS], [SEP], [PAD] or [UNK]
 */
export function loadTokenizer(file: string): TextTokenizer {
  const { tokenizer, json } = open(file)
  tokenizer.disableTruncation()
  tokenizer.disablePadding()
  const tokenId = (token: string): number => {
    const id = tokenizer.tokenToId(token)
    if (id === null) throw new TokenizerInvalid(file, `has no ${token} token; a BERT vocabulary is needed`)
    return id
  }
  // BERT's pre-tokeniser drops whitespace and never looks across it, so pieces cut there give the whole text's tokens
  const chunkable = json.pre_tokenizer?.type === 'BertPreTokenizer' && json.normalizer?.type === 'BertNormalizer'

  const encodePiece = (text: string) => tokenizer.encode(text, null, { addSpecialTokens: false })
  const encode = async (text: string): Promise<Encoded> => {
    const pieces = chunkable ? splitAtWhitespace(text, CHUNK_CODE_UNITS) : [text]
    const encodings: Awaited<ReturnType<typeof encodePiece>>[] = []
    const ids: Int32Array[] = []
    for (const piece of pieces) {
      const encoding = await encodePiece(piece)
      encodings.push(encoding)
      ids.push(Int32Array.from(encoding.getIds()))
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
    clsId: tokenId('[CLS]'),
    sepId: tokenId('[SEP]'),
    padId: tokenId('[PAD]'),
    unkId: tokenId('[UNK]'),
    maskId: tokenizer.tokenToId('[MASK]') ?? undefined,
    vocabSize: tokenizer.getVocabSize(true),
    encode,
    encodeBatch: (texts) => Promise.all(texts.map(encode)),
  }
}

function open(file: string): { tokenizer: InstanceType<typeof tokenizers.Tokenizer>; json: TokenizerJson } {
  try {
    const source = readFileSync(file, 'utf8')
    return { tokenizer: tokenizers.Tokenizer.fromString(source), json: JSON.parse(source) as TokenizerJson }
  } catch (error) {
    throw new TokenizerInvalid(file, `cannot be read as a tokenizer.json (${(error as Error).message})`)
  }
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
