/** A cell; null is shown as a dash. */
export type Cell = string | number | null

/** Columns of plain text, two spaces apart: numbers to the right, words to the left. */
export function textTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const shown = rows.map((row) => row.map(show))
  const widths = header.map((title, column) => Math.max(title.length, ...shown.map((row) => row[column]?.length ?? 0)))
  const numeric = header.map((_, column) => rows.every((row) => typeof row[column] !== 'string'))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (numeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...shown.map(line)].join('\n')
}

/** Three significant digits for numbers below 1,000, whole ones above. */
function show(cell: Cell): string {
  if (cell === null) return '–'
  if (typeof cell === 'string') return cell
  if (Number.isInteger(cell) || Math.abs(cell) >= 1_000) return Math.round(cell).toLocaleString('en-US')
  return cell.toPrecision(3)
}

/** @returns `12.3%` */
export function percent(share: number | null): string {
  return share === null ? '–' : `${(100 * share).toFixed(1)}%`
}
