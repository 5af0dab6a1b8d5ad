/** The documents of an unlabelled corpus, streaming: JSONL, also compressed, or plain text. */
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { pipeline, Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { createGunzip } from 'node:zlib'
import { DataInvalid, isLextierError } from '../../src/errors.js'
import { htmlToText, tidyText } from '../../src/tokenizer/html-text.js'
import { jsonlRows } from './jsonl-rows.js'
import { isFaulty, type TableRow } from './table-row.js'
import { type Decompress, openUtf8File } from './utf8-lines.js'

export interface CorpusFileOptions {
  /** JSONL: the field that holds the text; `text` unless told otherwise */
  readonly textField?: string | undefined
  /** `strip` (default) takes texts as HTML; `keep` leaves tags and entities alone */
  readonly html?: 'strip' | 'keep' | undefined
  /** read no more documents than this; all unless told otherwise */
  readonly maxDocuments?: number | undefined
}

/** Rows that gave no document, by the reason. */
export interface SkippedRows {
  readonly reason: string
  readonly count: number
  /** 1-based line (JSONL) or paragraph (plain text) of the first of them */
  readonly firstRow: number
}

export interface CorpusSummary {
  /** of the documents' texts in their order, lower-case hex: the same however the file is compressed */
  readonly sha256: string
  /** rows read, skipped ones included */
  readonly rows: number
  readonly documents: number
  /** UTF-16 code units of the documents, HTML stripped */
  readonly characters: number
  readonly skipped: readonly SkippedRows[]
}

export interface CorpusFile {
  /** one text a document, white space collapsed */
  readonly documents: AsyncGenerator<string>
  /** call it after the last document */
  summary(): CorpusSummary
}

type Format = 'jsonl' | 'text'
type Row = { readonly row: number; readonly text: string } | { readonly row: number; readonly fault: string }

const FORMATS: readonly (readonly [ending: RegExp, format: Format])[] = [
  [/\.(jsonl|ndjson)$/, 'jsonl'],
  [/\.(txt|text)$/, 'text'],
]

/**
 * Opens `.jsonl` (one object a line) or `.txt` (documents parted by blank lines, as BERT's own pre-training takes them),
 * either also as `.gz` or `.xz`. Rows without a text are skipped and counted.
 * @throws DataInvalid for another ending; from `documents` for a file that cannot be read or decompressed, is not UTF-8, or
 *   holds no document
 */
export function openCorpus(file: string, options: CorpusFileOptions = {}): CorpusFile {
  const { textField = 'text', html = 'strip', maxDocuments = Number.POSITIVE_INFINITY } = options
  const { format, decompress } = formatOf(file)
  const { blocks } = openUtf8File(file, decompress)
  const hash = createHash('sha256')
  const clean = html === 'strip' ? htmlToText : tidyText
  const skipped = new Map<string, { count: number; firstRow: number }>()
  const counts = { rows: 0, documents: 0, characters: 0 }
  const skip = (row: number, reason: string) => {
    const known = skipped.get(reason)
    if (known) known.count++
    else skipped.set(reason, { count: 1, firstRow: row })
  }

  async function* documents(): AsyncGenerator<string> {
    for await (const row of format === 'jsonl' ? jsonTexts(blocks, textField) : paragraphs(blocks)) {
      counts.rows++
      const text = 'text' in row ? clean(row.text) : ''
      if (text === '') {
        skip(row.row, 'fault' in row ? row.fault : 'the text is blank')
        continue
      }
      counts.documents++
      counts.characters += text.length
      hash.update(text).update('\0')
      yield text
      if (counts.documents >= maxDocuments) return
    }
    if (counts.documents > 0) return
    const reasons = [...skipped].map(([reason, { count }]) => `${count} rows: ${reason}`)
    throw new DataInvalid(file, `it holds no document${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`)
  }

  return {
    documents: documents(),
    summary: () => ({
      sha256: hash.copy().digest('hex'),
      ...counts,
      skipped: [...skipped].map(([reason, found]) => ({ reason, ...found })),
    }),
  }
}

function formatOf(file: string): { format: Format; decompress: Decompress | undefined } {
  const lower = file.toLowerCase()
  const inner = lower.replace(/\.(gz|xz)$/, '')
  const format = FORMATS.find(([ending]) => ending.test(inner))?.[1]
  if (format === undefined) {
    throw new DataInvalid(file, 'a corpus is .jsonl, .ndjson or .txt, also with .gz or .xz behind it; rename it')
  }
  const decompressions: [string, Decompress][] = [
    ['.gz', gunzip],
    ['.xz', unxz],
  ]
  const decompress = decompressions.find(([ending]) => lower.endsWith(ending))?.[1]
  return { format, decompress: decompress && ((bytes) => readable(file, decompress(bytes))) }
}

/** @throws DataInvalid for a stream that is cut short or no archive at all, and names what to do */
async function* readable(file: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* bytes
  } catch (error) {
    if (isLextierError(error) || (error instanceof Error && 'syscall' in error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataInvalid(file, `it cannot be decompressed (${reason}); it may have been cut short: fetch it again`)
  }
}

async function* gunzip(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // the error of either stream comes out of the loop
  yield* pipeline(Readable.from(bytes), createGunzip(), () => {}) as AsyncIterable<Buffer>
}

async function* unxz(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // a CommonJS bundle in which `import` finds no names
  const { XzReadableStream } = createRequire(import.meta.url)('xz-decompress') as typeof import('xz-decompress')
  const source = Readable.toWeb(Readable.from(bytes, { objectMode: false })) as unknown as ConstructorParameters<
    typeof XzReadableStream
  >[0]
  for await (const chunk of new XzReadableStream(source) as unknown as ReadableStream<Uint8Array>) {
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  }
}

async function* jsonTexts(blocks: AsyncIterable<string>, field: string): AsyncGenerator<Row> {
  for await (const row of jsonlRows(blocks)) {
    yield isFaulty(row) ? { row: row.row, fault: row.fault } : textOf(row, field)
  }
}

function textOf({ row, values, structured }: TableRow, field: string): Row {
  const text = values.get(field)
  if (text === undefined) return { row, fault: `there is no field "${field}"` }
  return structured.has(field) ? { row, fault: `the field "${field}" is no text` } : { row, text }
}

async function* paragraphs(blocks: AsyncIterable<string>): AsyncGenerator<Row> {
  let row = 0
  let lines: string[] = []
  for await (const block of blocks) {
    // a block holds whole lines; a paragraph may go on in the next
    for (const line of block.replace(/\r?\n$/, '').split(/\r?\n/)) {
      if (line.trim() !== '') lines.push(line)
      else if (lines.length > 0) {
        yield { row: ++row, text: lines.join('\n') }
        lines = []
      }
    }
  }
  if (lines.length > 0) yield { row: ++row, text: lines.join('\n') }
}
