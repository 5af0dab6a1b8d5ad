/** The thread that reads long texts. */
import { workerData } from 'node:worker_threads'
import { answerCalls } from '../threads/answer-calls.js'
import { limitConcurrency } from '../threads/limit-concurrency.js'
import { htmlToText } from './html-text.js'
import { createTokenizer, type TextTokenizer } from './text-tokenizer.js'

export interface ReadingThreadData {
  /** the `tokenizer.json` of each tokenizer, by a name */
  readonly definitions: Readonly<Record<string, string>>
}

export interface ReadCommand {
  readonly tokenizer: string
  readonly texts: readonly string[]
}

/** Ids of each text; undefined for one that has nothing to read. */
export type ReadReport = readonly (Int32Array | undefined)[]

/** Of libuv's four threads, which all tokenizers of the process share: the short texts of others find one free. */
const MAX_PIECES = 2

const { definitions } = workerData as ReadingThreadData
const limit = limitConcurrency(MAX_PIECES)
const tokenizers = new Map<string, TextTokenizer>()

function tokenizerOf(name: string): TextTokenizer {
  let tokenizer = tokenizers.get(name)
  if (!tokenizer) {
    tokenizer = createTokenizer(definitions[name] ?? '', name, limit)
    tokenizers.set(name, tokenizer)
  }
  return tokenizer
}

async function read(name: string, text: string): Promise<Int32Array | undefined> {
  const plain = htmlToText(text)
  return plain === '' ? undefined : tokenizerOf(name).encodeIds(plain)
}

answerCalls(
  ({ tokenizer, texts }: ReadCommand): Promise<ReadReport> => Promise.all(texts.map((text) => read(tokenizer, text))),
  (report) => report.flatMap((ids) => (ids ? [ids.buffer as ArrayBuffer] : [])),
)
