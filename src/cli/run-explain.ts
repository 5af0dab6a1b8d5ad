import { LARGE_DELTA } from '../../training/attribution/convergence.js'
import { openTable } from '../../training/data/read-table.js'
import { isFaulty } from '../../training/data/table-row.js'
import { explainFamily } from '../../training/export/explain-family.js'
import { ColumnNotFound, DataInvalid } from '../errors.js'
import { loadFamily } from '../family/load-family.js'
import { htmlToText } from '../tokenizer/html-text.js'

export interface ExplainFlags {
  readonly family: string
  readonly data?: string
  readonly textColumn: string
}

/** Read to choose the shortest and the middle one from. */
const TEXTS = 32

export async function runExplain(flags: ExplainFlags): Promise<void> {
  const texts = flags.data === undefined ? [] : await firstTexts(flags.data, flags.textColumn)
  const family = await loadFamily(flags.family, { verify: 'hashes' })
  const explained = await explainFamily(family, texts, ({ tier, files, explain }) => {
    const kilobytes = (files['explain.onnx']!.bytes / 1000).toFixed(0)
    const { maxDifference, maxDelta } = explain!
    console.log(
      `${tier}: explain.onnx, ${kilobytes} kB; differs from the engine by ${maxDifference.toExponential(1)} of the attributions' length, largest convergence delta ${maxDelta.toExponential(1)}`,
    )
    if (maxDelta > LARGE_DELTA) {
      process.stderr.write(`WARNING ${tier}: attributions do not add up to the logit's rise (delta ${maxDelta})\n`)
    }
  })
  console.log(`${explained.manifest.name} is now ${explained.version}`)
}

async function firstTexts(file: string, column: string): Promise<string[]> {
  const texts: string[] = []
  let columns: string[] | undefined
  for await (const row of openTable(file).rows) {
    if (isFaulty(row)) continue
    columns ??= [...row.values.keys()]
    const text = htmlToText(row.values.get(column) ?? '')
    if (text !== '') texts.push(text)
    if (texts.length === TEXTS) break
  }
  if (columns && !columns.includes(column) && texts.length === 0) throw new ColumnNotFound(column, columns.join(', '))
  if (texts.length === 0) throw new DataInvalid(file, `has no text in column "${column}"`)
  return texts
}
