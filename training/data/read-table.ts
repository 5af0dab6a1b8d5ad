import { extname } from 'node:path'
import { DataInvalid } from '../../src/errors.js'
import { csvRows } from './csv-rows.js'
import { jsonlRows } from './jsonl-rows.js'
import type { FaultyRow, TableRow } from './table-row.js'
import { openUtf8File } from './utf8-lines.js'

export type TableFormat = 'csv' | 'tsv' | 'jsonl'

const FORMAT_BY_EXTENSION: Readonly<Record<string, TableFormat>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
}

export interface Table {
  readonly format: TableFormat
  readonly rows: AsyncGenerator<TableRow | FaultyRow>
  /** SHA-256 of the file's bytes, lower-case hex; call it after the last row */
  sha256(): string
}

/**
 * Opens a table for streaming. The format follows from the file's name unless it is given.
 * @throws DataInvalid for a name that says no format; from `rows` for a file that cannot be read or is not UTF-8
 */
export function openTable(file: string, format: TableFormat | undefined = formatOf(file)): Table {
  const { blocks, sha256 } = openUtf8File(file)
  if (format === 'jsonl') return { format, rows: jsonlRows(blocks), sha256 }
  return { format, rows: csvRows(file, blocks, format === 'tsv' ? '\t' : ','), sha256 }
}

function formatOf(file: string): TableFormat {
  const extension = extname(file).toLowerCase()
  const format = FORMAT_BY_EXTENSION[extension]
  if (format === undefined) {
    const accepted = Object.keys(FORMAT_BY_EXTENSION).join(', ')
    throw new DataInvalid(file, `its name ends in "${extension}"; rename it to one of ${accepted}, or name the format`)
  }
  return format
}
