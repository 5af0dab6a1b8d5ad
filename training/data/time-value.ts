const NUMBER = /^-?\d+(\.\d+)?$/
const YEAR_RANGE = /^(\d{4})\s*[-–]\s*(\d{4})$/
const ISO_DATE = /^(\d{4})-(\d{2})(-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?)?$/

/**
 * A time as a number that sorts: plain numbers as they are (1971), a range of years as its last one (1940-1955), ISO 8601
 * dates as fractional years (1971-07-01 is 1971.496).
 * @returns undefined for anything else; other date styles sort differently in different countries
 */
export function parseTime(value: string): number | undefined {
  const text = value.trim()
  if (NUMBER.test(text)) return Number(text)
  const range = YEAR_RANGE.exec(text)
  if (range !== null) return Number(range[2])
  if (!ISO_DATE.test(text)) return undefined
  const instant = Date.parse(text)
  if (Number.isNaN(instant)) return undefined
  const year = new Date(instant).getUTCFullYear()
  const start = Date.UTC(year, 0)
  return year + (instant - start) / (Date.UTC(year + 1, 0) - start)
}
