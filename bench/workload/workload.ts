/** The texts that a bench sends: as request bodies, and as the token sequences that a model gets to see of them. */
import { ColumnNotFound, DataInvalid } from '../../src/errors.js'
import type { Family } from '../../src/family/load-family.js'
import { htmlToText } from '../../src/tokenizer/html-text.js'
import { loadTokenizer, type TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { planWindows, withSpecialTokens } from '../../src/tokenizer/windows.js'
import { openTable } from '../../training/data/read-table.js'
import { isFaulty } from '../../training/data/table-row.js'
import { createRandom, type Random } from '../../training/random.js'
import { percentile } from '../load/percentile.js'
import { syntheticTexts } from './synthetic-texts.js'

export interface WorkloadText {
  readonly body: Buffer
  /** of the text, without special tokens */
  readonly tokens: number
  /** one a window, special tokens included */
  readonly sequences: readonly Int32Array[]
}

export interface Workload {
  readonly synthetic: boolean
  /** a sentence: what the texts are */
  readonly source: string
  readonly texts: readonly WorkloadText[]
  readonly tokens: {
    readonly mean: number
    readonly p10: number
    readonly p50: number
    readonly p90: number
    readonly max: number
  }
}

export interface WorkloadOptions {
  readonly family: Family
  /** CSV, TSV or JSONL; without it the texts are synthetic */
  readonly file?: string | undefined
  readonly textColumn: string
  /** at most so many texts, drawn at random */
  readonly count: number
  readonly seed: number
}

/** @throws DataInvalid, ColumnNotFound for a file that has no texts */
export async function loadWorkload({ family, file, textColumn, count, seed }: WorkloadOptions): Promise<Workload> {
  const random = createRandom(seed).fork('workload')
  const tokenizer = loadTokenizer(family.paths.tokenizer)
  const texts =
    file === undefined
      ? await syntheticTexts(count, tokenizer, random)
      : await readTexts(file, textColumn, count, random)
  const { maxTokens, windowOverlap } = family.manifest
  const prepared: WorkloadText[] = []
  for (const text of texts) prepared.push(await prepare(text, tokenizer, maxTokens, windowOverlap))
  const lengths = prepared.map(({ tokens }) => tokens).sort((a, b) => a - b)
  return {
    synthetic: file === undefined,
    source:
      file === undefined
        ? `${texts.length} synthetic texts: meaningless words, lengths distributed like those of real case facts`
        : `${texts.length} texts of column "${textColumn}" of ${file}`,
    texts: prepared,
    tokens: {
      mean: lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
      p10: percentile(lengths, 0.1),
      p50: percentile(lengths, 0.5),
      p90: percentile(lengths, 0.9),
      max: percentile(lengths, 1),
    },
  }
}

async function prepare(text: string, tokenizer: TextTokenizer, maxTokens: number, overlap: number) {
  const { ids } = await tokenizer.encode(text)
  const windows = planWindows(ids.length, maxTokens, overlap)
  return {
    body: Buffer.from(JSON.stringify({ text })),
    tokens: ids.length,
    sequences: windows.map(({ start, end }) => withSpecialTokens(ids.subarray(start, end), tokenizer)),
  }
}

async function readTexts(file: string, textColumn: string, count: number, random: Random): Promise<string[]> {
  const texts: string[] = []
  for await (const row of openTable(file).rows) {
    if (isFaulty(row)) throw new DataInvalid(file, `row ${row.row}: ${row.fault}`)
    const cell = row.values.get(textColumn)
    if (cell === undefined) {
      throw new ColumnNotFound(textColumn, [...row.values.keys()].map((name) => `"${name}"`).join(', '))
    }
    const text = htmlToText(cell)
    if (text !== '') texts.push(text)
  }
  if (texts.length === 0) throw new DataInvalid(file, `column "${textColumn}" has no text; name another file or column`)
  return random.shuffle(texts).slice(0, count)
}

/** Deals every text once before any comes again, each time in another order. */
export function dealTexts<T>(texts: readonly T[], random: Random): () => T {
  let left: T[] = []
  return () => {
    if (left.length === 0) left = random.shuffle(texts)
    return left.pop()!
  }
}
