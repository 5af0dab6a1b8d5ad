import type { FaultyRow, TableRow } from './table-row.js'

/**
 * The rows of a JSONL text: one object a line, blank lines allowed; row and line are the same number. Strings, numbers and
 * booleans become cells, null an absent one.
 */
export async function* jsonlRows(blocks: AsyncIterable<string>): AsyncGenerator<TableRow | FaultyRow> {
  let line = 0
  for await (const block of blocks) {
    const lines = block.split('\n')
    if (lines.at(-1) === '') lines.pop()
    for (const json of lines) {
      line++
      if (json.trim() !== '') yield parseRow(json, line)
    }
  }
}

function parseRow(json: string, line: number): TableRow | FaultyRow {
  const faulty = (fault: string) => ({ row: line, line, fault, fatal: false })
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    return faulty('not valid JSON; each line must be one JSON object')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return faulty('not a JSON object; write {"column": value, …}')
  }
  const values = new Map<string, string>()
  const structured = new Set<string>()
  for (const [column, value] of Object.entries(parsed as Record<string, unknown>)) {
    if (value === null) continue
    if (typeof value === 'object') {
      structured.add(column)
      values.set(column, JSON.stringify(value))
    } else {
      values.set(column, String(value))
    }
  }
  return { row: line, line, values, structured }
}
