import { readFile, writeFile } from 'node:fs/promises'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { DataInvalid } from '../../src/errors.js'
import type { Dataset } from './dataset.js'
import { SPLIT_NAMES, type Split } from './split.js'

const FORMAT_VERSION = 1

const side = <
  T extends ReturnType<typeof Type.Integer> | ReturnType<typeof Type.Array> | ReturnType<typeof Type.Number>,
>(
  schema: T,
) => Type.Object({ train: schema, validation: schema, test: schema })

const SplitFileSchema = Type.Object({
  formatVersion: Type.Literal(FORMAT_VERSION),
  method: Type.Union([Type.Literal('stratified'), Type.Literal('temporal'), Type.Literal('grouped')]),
  seed: Type.Integer(),
  shares: side(Type.Number()),
  groupNearDuplicates: Type.Boolean(),
  dataSha256: Type.String(),
  labelColumn: Type.String(),
  sizes: side(Type.Integer()),
  ids: Type.Object({
    train: Type.Array(Type.String()),
    validation: Type.Array(Type.String()),
    test: Type.Array(Type.String()),
  }),
  warnings: Type.Array(Type.String()),
})

/** Writes the split as JSON (`split.json` beside the run). */
export async function writeSplit(file: string, split: Split): Promise<void> {
  const content: Static<typeof SplitFileSchema> = JSON.parse(
    JSON.stringify({ formatVersion: FORMAT_VERSION, ...split }),
  )
  await writeFile(file, `${JSON.stringify(content, null, 1)}\n`)
}

/**
 * Reads a split and holds it against the dataset: made from the same bytes and label column, every example on one side.
 * @throws DataInvalid when it is no split file, or not this dataset's
 */
export async function readSplit(file: string, dataset: Dataset): Promise<Split> {
  let parsed: unknown
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new DataInvalid(file, `it is no split file (${(error as Error).message})`)
  }
  if (!Value.Check(SplitFileSchema, parsed)) {
    const [first] = Value.Errors(SplitFileSchema, parsed)
    throw new DataInvalid(
      file,
      `it is no split file of version ${FORMAT_VERSION}: ${first?.instancePath} ${first?.message}`,
    )
  }
  const { formatVersion: _, ...split } = parsed
  checkFits(file, split, dataset)
  return split
}

function checkFits(file: string, split: Split, dataset: Dataset): void {
  const refuse = (why: string) => {
    throw new DataInvalid(file, `${why}; split ${dataset.file} anew, or use the data file that the split was made from`)
  }
  if (split.dataSha256 !== dataset.sha256) {
    refuse(`it was made from a file with SHA-256 ${split.dataSha256}, ${dataset.file} has ${dataset.sha256}`)
  }
  if (split.labelColumn !== dataset.labelColumn) {
    refuse(`it was made for the label column "${split.labelColumn}", not "${dataset.labelColumn}"`)
  }
  const left = new Set(dataset.examples.map(({ id }) => id))
  for (const name of SPLIT_NAMES) {
    for (const id of split.ids[name]) {
      if (!left.delete(id)) refuse(`example "${id}" of its ${name} side is not in the dataset, or is on two sides`)
    }
  }
  if (left.size > 0) refuse(`${left.size} examples are on no side of it, e.g. "${[...left][0]}"`)
}
