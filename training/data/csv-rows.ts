import { pipeline, Readable } from 'node:stream'
import { type CsvError, type Options, parse } from 'csv-parse'
import { DataInvalid } from '../../src/errors.js'
import type { FaultyRow, TableRow } from './table-row.js'

const NOTHING_STRUCTURED: ReadonlySet<string> = new Set()
const MAX_ROW_BYTES = 64 * 1024 * 1024

interface Cells {
  readonly row: number
  readonly line: number
  readonly cells: readonly string[]
}

/**
 * The rows of a CSV text (RFC 4180; first row is the header), streaming.
 * @param delimiter one character
 * @throws DataInvalid for an empty file or a header that names a column twice
 */
export async function* csvRows(
  file: string,
  blocks: AsyncIterable<string>,
  delimiter: string,
): AsyncGenerator<TableRow | FaultyRow> {
  // The parser calls on_record and on_skip strictly in the order of the file, ahead of what the loop below has taken.
  let row = -1
  let header: readonly string[] = []
  const faults: FaultyRow[] = []
  const nextLine = lineCounter()
  const options: Options<unknown, { record: string[]; raw: string }> = {
    delimiter,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: MAX_ROW_BYTES,
    info: true,
    raw: true,
    on_record({ record, raw }): Cells {
      row++
      if (row === 0) header = record.map((name) => name.trim())
      return { row, line: nextLine(raw), cells: record }
    },
    on_skip(error, raw) {
      if (error !== undefined) {
        const fault = describeFault(error, ++row, nextLine(raw ?? ''), header)
        // Without its header no later row can be read.
        faults.push(row === 0 ? { ...fault, fatal: true } : fault)
      }
      return undefined
    },
  }
  const parser = parse(options as unknown as Options)
  // The loop below meets the error of either side: pipeline destroys the parser with it.
  pipeline(Readable.from(blocks), parser, () => {})
  let columns: readonly string[] | undefined
  for await (const { row, line, cells } of parser as AsyncIterable<Cells>) {
    if (columns === undefined) {
      columns = checkHeader(file, header)
      if (row === 0) continue
    }
    while (faults.length > 0 && faults[0]!.row < row) yield faults.shift()!
    const values = new Map(columns.map((column, i) => [column, cells[i]!]))
    yield { row, line, values, structured: NOTHING_STRUCTURED }
  }
  yield* faults
  if (columns === undefined && faults.length === 0) {
    throw new DataInvalid(file, 'it is empty; it needs a header row and rows below it')
  }
}

/**
 * Line numbers from the raw text of successive rows. The parser's own count takes a Windows newline in quotes for two lines.
 * @returns a function of a row's raw text, in which blank lines may come first, that gives the line on which the row starts
 */
function lineCounter(): (raw: string) => number {
  let linesBefore = 0
  return (raw) => {
    const blankLines = countNewlines(/^[\r\n]*/.exec(raw)![0])
    const line = linesBefore + blankLines + 1
    linesBefore += countNewlines(raw)
    return line
  }
}

function countNewlines(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0
}

function checkHeader(file: string, columns: readonly string[]): readonly string[] {
  const twice = columns.find((column, i) => columns.indexOf(column) !== i)
  if (twice !== undefined) {
    throw new DataInvalid(file, `the header names column "${twice}" twice; give each column its own name`)
  }
  return columns
}

function describeFault(error: CsvError, row: number, line: number, header: readonly string[]): FaultyRow {
  const index = Number((error as unknown as { column?: number | string }).column)
  const column = header[index] === undefined ? '' : `column "${header[index]}": `
  switch (error.code as string) {
    case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH': {
      const { record } = error as unknown as { record: string[] }
      const fault = `${record.length} ${record.length === 1 ? 'field' : 'fields'} where the header has ${header.length} columns`
      return { row, line, fault, fatal: false }
    }
    case 'CSV_QUOTE_NOT_CLOSED':
      return { row, line, fault: `${column}a quote that opens here is never closed`, fatal: true }
    case 'CSV_MAX_RECORD_SIZE':
      return { row, line, fault: `${column}longer than ${MAX_ROW_BYTES} bytes; is a quote not closed?`, fatal: true }
    case 'INVALID_OPENING_QUOTE':
      return { row, line, fault: `${column}a quote inside a field that does not start with one`, fatal: false }
    case 'CSV_INVALID_CLOSING_QUOTE':
      return { row, line, fault: `${column}text after a closing quote; write quotes inside as ""`, fatal: false }
    default:
      return { row, line, fault: `${column}${error.code}`, fatal: false }
  }
}
