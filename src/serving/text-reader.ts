/** From a request's texts to their tokens: short texts at once, long ones on a thread of their own, a group at a time. */
import { InvalidRequest, RequestAborted } from '../errors.js'
import { htmlToText, mayHoldMarkup } from '../tokenizer/html-text.js'
import { ReadingThread } from '../tokenizer/reading-thread.js'
import type { TextTokenizer } from '../tokenizer/text-tokenizer.js'
import { tooManyTokens } from './long-text.js'
import type { ClassifyRequest } from './types.js'

/** What a text is read for. */
export interface ReadingFamily {
  readonly name: string
  readonly tokenizer: TextTokenizer
}

export interface ReadOptions {
  readonly longText: ClassifyRequest['longText']
  /** tokens of all texts together from which on a request that is read in windows is refused, without reading the rest */
  readonly maxRequestTokens: number
  readonly signal?: AbortSignal | undefined
}

/** This much is read in some 2 ms; handing it to a thread takes a tenth of that. */
const LONG_CODE_UNITS = 32 * 1024
/** What goes to the thread in one message: copying it takes a millisecond or two, unless a single text is longer. */
const GROUP_CODE_UNITS = 256 * 1024
/** Groups of a request that are read at the same time. */
const GROUPS_AT_ONCE = 2

/**
 * Reads texts as the family learnt them: markup removed, entities decoded, white space collapsed, as training reads its
 * files.
 */
export class TextReader {
  readonly #thread: ReadingThread
  /** requests whose texts are on the thread */
  #reading = 0
  #retired = false

  constructor(families: readonly ReadingFamily[]) {
    const definitions = families.map(({ name, tokenizer }) => [name, tokenizer.definition] as const)
    this.#thread = new ReadingThread(Object.fromEntries(definitions))
  }

  /**
   * @returns the ids of each text, without special tokens
   * @throws InvalidRequest when a text is markup and nothing else; PayloadTooLarge; RequestAborted
   */
  async read(family: ReadingFamily, texts: readonly string[], options: ReadOptions): Promise<Int32Array[]> {
    const codeUnits = texts.reduce((sum, { length }) => sum + length, 0)
    if (codeUnits < LONG_CODE_UNITS) return readAtOnce(family.tokenizer, texts)
    const limit = options.longText === 'windows' ? options.maxRequestTokens : Number.POSITIVE_INFINITY
    this.#reading++
    const groups = groupTexts(texts, GROUP_CODE_UNITS)
    const ids: Int32Array[] = []
    let tokens = 0
    let next = 0
    const readGroups = async () => {
      while (next < groups.length) {
        const { first, texts: group } = groups[next++]!
        if (options.signal?.aborted) throw new RequestAborted()
        const read = await this.#thread.read(family.name, group)
        for (const [index, one] of read.entries()) {
          if (!one) throw nothingToRead(first + index, texts.length)
          ids[first + index] = one
          tokens += one.length
        }
        if (tokens > limit) throw tooManyTokens(`more than ${limit}`, limit)
      }
    }
    try {
      await Promise.all(Array.from({ length: GROUPS_AT_ONCE }, readGroups))
    } finally {
      // after a fault nobody wants the rest
      next = groups.length
      this.#reading--
      this.#closeIfIdle()
    }
    return ids
  }

  close(): Promise<void> {
    return this.#thread.close()
  }

  /** Closes it once what it reads now is read. */
  closeWhenIdle(): void {
    this.#retired = true
    this.#closeIfIdle()
  }

  #closeIfIdle(): void {
    if (this.#retired && this.#reading === 0) void this.close()
  }
}

/** Neighbouring texts of up to so many code units together; a longer text is a group of its own. */
export function groupTexts(
  texts: readonly string[],
  codeUnits: number,
): { readonly first: number; readonly texts: string[] }[] {
  const groups: { first: number; texts: string[] }[] = []
  let room = 0
  for (const [index, text] of texts.entries()) {
    const last = groups.at(-1)
    if (last && text.length <= room) last.texts.push(text)
    else {
      groups.push({ first: index, texts: [text] })
      room = codeUnits
    }
    room -= text.length
  }
  return groups
}

async function readAtOnce(tokenizer: TextTokenizer, texts: readonly string[]): Promise<Int32Array[]> {
  const plain = texts.map((text) => readPlain(tokenizer, text))
  if (plain.every((ids) => ids !== undefined)) return plain
  return Promise.all(plain.map((ids, index) => ids ?? readAny(tokenizer, texts, index)))
}

/** Most texts are plain: they are not cleaned first, since white space, which is all that would change, makes no token. */
function readPlain(tokenizer: TextTokenizer, text: string): Int32Array | undefined {
  const ids = mayHoldMarkup(text) ? undefined : tokenizer.plainIds(text)
  return ids?.length === 0 ? undefined : ids
}

async function readAny(tokenizer: TextTokenizer, texts: readonly string[], index: number): Promise<Int32Array> {
  const text = htmlToText(texts[index]!)
  if (text === '') throw nothingToRead(index, texts.length)
  return tokenizer.encodeIds(text)
}

function nothingToRead(index: number, texts: number): Error {
  return new InvalidRequest(`text ${index + 1} of ${texts} holds markup and nothing to read; send its words`)
}
