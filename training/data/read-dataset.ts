import { ColumnNotFound, DataInvalid, InvalidConfiguration } from '../../src/errors.js'
import { htmlToText, tidyText } from '../../src/tokenizer/html-text.js'
import type { Dataset, DatasetOptions, Example, SkippedRow } from './dataset.js'
import { planClasses } from './rare-classes.js'
import { openTable } from './read-table.js'
import { isFaulty, rowName, type TableRow } from './table-row.js'
import { parseTime } from './time-value.js'

interface ReadRow extends Example {
  readonly values: ReadonlyMap<string, string>
}

/**
 * Reads a labelled dataset from CSV, TSV or JSONL, streaming. Rows with a blank text, label, group or time are skipped and
 * reported with their row number.
 * @throws ColumnNotFound naming the column that is missing and those there are
 * @throws DataInvalid naming row and column of what cannot be read; for an empty file, one class only, invalid UTF-8
 */
export async function readDataset(file: string, options: DatasetOptions): Promise<Dataset> {
  checkOptions(options)
  const table = openTable(file, options.format)
  const columns = new Set<string>()
  const skipped: SkippedRow[] = []
  const unmapped = new Map<string, number>()
  const rowOfId = new Map<string, number>()
  const read: ReadRow[] = []
  let rows = 0

  for await (const row of table.rows) {
    rows++
    if (isFaulty(row)) {
      if (row.fatal || options.onBadRow !== 'skip') throw new DataInvalid(file, `${rowName(row)}: ${row.fault}`)
      skipped.push({ row: row.row, reason: row.fault })
      continue
    }
    const first = columns.size === 0
    for (const column of row.values.keys()) columns.add(column)
    if (first && table.format !== 'jsonl') checkColumns(file, columns, skipped, options)
    const result = readRow(file, row, options, unmapped)
    if ('reason' in result) {
      skipped.push({ row: row.row, reason: result.reason })
      continue
    }
    const earlier = rowOfId.get(result.id)
    if (earlier !== undefined) {
      throw new DataInvalid(
        file,
        `${rowName(row)}, column "${options.idColumn}": id "${result.id}" already belongs to row ${earlier}`,
      )
    }
    rowOfId.set(result.id, row.row)
    read.push(result)
  }
  if (rows === 0) throw new DataInvalid(file, 'it holds no rows')
  checkColumns(file, columns, skipped, options)

  const { kept, rare, warnings } = applyClassPlan(read, options)
  const notices = [
    ...describeSkipped(skipped),
    ...describeMap(unmapped, options),
    ...warnings,
    ...describePrefix(options),
  ]
  skipped.push(...rare)
  skipped.sort((a, b) => a.row - b.row)
  const labels = options.labels ?? [...new Set(kept.map(({ label }) => label))].sort()
  const labelCounts = Object.fromEntries(labels.map((label) => [label, 0]))
  for (const { label } of kept) labelCounts[label]!++
  checkClasses(file, labelCounts, skipped, unmapped, options)

  const prefixColumns = options.prefixColumns ?? []
  const others = [...columns].filter((column) => column !== options.textColumn && column !== options.labelColumn)
  return {
    file,
    sha256: table.sha256(),
    columns: [...columns],
    textColumn: options.textColumn,
    labelColumn: options.labelColumn,
    prefixColumns,
    rows,
    labels,
    examples: kept.map(({ values: _, ...example }) => example),
    skipped,
    labelCounts,
    warnings: notices,
    otherColumns: new Map(others.map((column) => [column, kept.map(({ values }) => values.get(column) ?? '')])),
  }
}

function checkOptions({ textColumn, labelColumn, prefixColumns = [], minClassCount = 1 }: DatasetOptions): void {
  if (textColumn === labelColumn) {
    throw new InvalidConfiguration('label column', `"${labelColumn}" is the text column as well; name another one`)
  }
  if (prefixColumns.includes(labelColumn)) {
    throw new InvalidConfiguration('prefix columns', `"${labelColumn}" is the label; it cannot be a feature`)
  }
  if (!Number.isInteger(minClassCount) || minClassCount < 1) {
    throw new InvalidConfiguration('minimum class count', `${minClassCount} is not an integer of 1 or more`)
  }
}

function readRow(
  file: string,
  row: TableRow,
  options: DatasetOptions,
  unmapped: Map<string, number>,
): ReadRow | { reason: string } {
  const cell = (column: string) => {
    if (row.structured.has(column)) {
      throw new DataInvalid(file, `${rowName(row)}, column "${column}": a string or number is needed, not a structure`)
    }
    return row.values.get(column)?.trim() ?? ''
  }
  const blank = (column: string) => ({ reason: `column "${column}" is blank` })
  const clean = options.html === 'keep' ? tidyText : htmlToText

  const rawLabel = cell(options.labelColumn)
  if (rawLabel === '') return blank(options.labelColumn)
  const body = clean(cell(options.textColumn))
  if (body === '') return blank(options.textColumn)
  const label = mapLabel(rawLabel, options)
  if (label === undefined) {
    unmapped.set(rawLabel, (unmapped.get(rawLabel) ?? 0) + 1)
    return { reason: `label "${rawLabel}" is not one of those asked for` }
  }
  const prefixes = (options.prefixColumns ?? []).map((column) => clean(cell(column))).filter((value) => value !== '')
  const text = prefixes.length > 0 ? `${prefixes.join('; ')}. ${body}` : body
  const id = options.idColumn === undefined ? String(row.row) : cell(options.idColumn)
  if (id === '') return blank(options.idColumn!)
  const group = options.groupColumn === undefined ? undefined : cell(options.groupColumn)
  if (group === '') return blank(options.groupColumn!)
  const rawTime = options.timeColumn === undefined ? undefined : cell(options.timeColumn)
  if (rawTime === '') return blank(options.timeColumn!)
  const time = rawTime === undefined ? undefined : parseTime(rawTime)
  if (rawTime !== undefined && time === undefined) {
    throw new DataInvalid(
      file,
      `${rowName(row)}, column "${options.timeColumn}": "${rawTime}" is not a time; write a number, a year or an ISO 8601 date`,
    )
  }
  return {
    id,
    row: row.row,
    text,
    label,
    ...(group === undefined ? {} : { group }),
    ...(time === undefined ? {} : { time }),
    values: row.values,
  }
}

/** @returns undefined for a value that the map or the list of labels does not know */
function mapLabel(raw: string, { labelMap, labels }: DatasetOptions): string | undefined {
  if (labelMap !== undefined && !Object.hasOwn(labelMap, raw)) return undefined
  const label = labelMap?.[raw] ?? raw
  return labels === undefined || labels.includes(label) ? label : undefined
}

function checkColumns(
  file: string,
  columns: ReadonlySet<string>,
  skipped: readonly SkippedRow[],
  options: DatasetOptions,
): void {
  if (columns.size === 0) throw new DataInvalid(file, `no row can be read: ${describeSkipped(skipped).join('; ')}`)
  const { textColumn, labelColumn, idColumn, groupColumn, timeColumn, prefixColumns = [] } = options
  for (const column of [textColumn, labelColumn, idColumn, groupColumn, timeColumn, ...prefixColumns]) {
    if (column !== undefined && !columns.has(column)) {
      throw new ColumnNotFound(column, [...columns].map((name) => `"${name}"`).join(', '))
    }
  }
}

function applyClassPlan(read: readonly ReadRow[], { minClassCount = 1, rareClasses = 'drop' }: DatasetOptions) {
  const counts: Record<string, number> = Object.create(null)
  for (const { label } of read) counts[label] = (counts[label] ?? 0) + 1
  const { renamed, warnings } = planClasses(counts, minClassCount, rareClasses)
  const kept: ReadRow[] = []
  const rare: SkippedRow[] = []
  for (const row of read) {
    const label = renamed.get(row.label)
    if (label !== undefined) kept.push({ ...row, label })
    else rare.push({ row: row.row, reason: `class "${row.label}" has fewer than ${minClassCount} rows` })
  }
  return { kept, rare, warnings }
}

function checkClasses(
  file: string,
  labelCounts: Readonly<Record<string, number>>,
  skipped: readonly SkippedRow[],
  unmapped: ReadonlyMap<string, number>,
  { labelColumn }: DatasetOptions,
): void {
  const present = Object.keys(labelCounts).filter((label) => labelCounts[label]! > 0)
  if (present.length >= 2) return
  const found = [...unmapped.keys()].map((value) => `"${value}"`).join(', ')
  const hint = found === '' ? describeSkipped(skipped).join('; ') : `values not asked for: ${found}`
  const problem =
    present.length === 0
      ? 'no usable row is left'
      : `column "${labelColumn}" has one class only, "${present[0]}"; at least two are needed`
  throw new DataInvalid(file, hint === '' ? problem : `${problem} (${hint})`)
}

/** One sentence a reason, most frequent first. */
function describeSkipped(skipped: readonly SkippedRow[]): string[] {
  const rowsByReason = new Map<string, number[]>()
  for (const { row, reason } of skipped) {
    const rows = rowsByReason.get(reason)
    if (rows === undefined) rowsByReason.set(reason, [row])
    else rows.push(row)
  }
  return [...rowsByReason]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([reason, rows]) => {
      const named = rows.slice(0, 5).join(', ') + (rows.length > 5 ? ', …' : '')
      return `${rows.length} ${rows.length === 1 ? 'row' : 'rows'} skipped: ${reason} (${named})`
    })
}

function describeMap(unmapped: ReadonlyMap<string, number>, { labelMap, labels }: DatasetOptions): string[] {
  if (unmapped.size === 0) return []
  const values = [...unmapped].map(([value, rows]) => `"${value}" (${rows})`).join(', ')
  const known = labelMap === undefined ? labels! : Object.keys(labelMap)
  return [`label values that were not asked for: ${values}; asked for: ${known.join(', ')}`]
}

function describePrefix({ prefixColumns = [] }: DatasetOptions): string[] {
  if (prefixColumns.length === 0) return []
  return [
    `texts begin with the values of ${prefixColumns.join(', ')}: results do not compare with those of the text alone`,
  ]
}
