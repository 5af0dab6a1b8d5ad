/** A row of a table of texts, from CSV or JSONL alike. */
export interface TableRow {
  /** 1 for the first row below the header (CSV) or the first line (JSONL) */
  readonly row: number
  /** line of the file on which the row starts, 1-based */
  readonly line: number
  /** cell by column; a column that this row lacks is absent */
  readonly values: ReadonlyMap<string, string>
  /** columns whose value is an array or object (JSONL): `values` holds their JSON, which is no text and no label */
  readonly structured: ReadonlySet<string>
}

/** A row that cannot be read. */
export interface FaultyRow {
  /** 0 for a header */
  readonly row: number
  readonly line: number
  /** what is wrong, to follow "row 7 (line 9): " */
  readonly fault: string
  /** rows after it cannot be trusted either, so that skipping does not help */
  readonly fatal: boolean
}

export function isFaulty(row: TableRow | FaultyRow): row is FaultyRow {
  return 'fault' in row
}

/** @returns `row 7`, with the line of the file where that is another number; row 0 is `the header` */
export function rowName({ row, line }: { row: number; line: number }): string {
  if (row === 0) return 'the header'
  return row === line ? `row ${row}` : `row ${row} (line ${line} of the file)`
}
