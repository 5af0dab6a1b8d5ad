import { ColumnNotFound, DataInvalid, InvalidConfiguration } from '../../src/errors.js'
import { createRandom } from '../random.js'
import { allocateUnits } from './allocate-units.js'
import { classesOf, type Dataset, type Example } from './dataset.js'
import { type NearDuplicates, nearDuplicatesOf } from './near-duplicates.js'
import { splitUnits, type Unit } from './split-units.js'
import { allocateByTime } from './temporal-split.js'

export const SPLIT_NAMES = ['train', 'validation', 'test'] as const
export type SplitName = (typeof SPLIT_NAMES)[number]

export interface SplitShares {
  readonly train: number
  readonly validation: number
  readonly test: number
}

export type SplitMethod = 'stratified' | 'temporal' | 'grouped'

export interface SplitOptions {
  /** `stratified` (default); `temporal`: the latest examples are the test; `grouped`: groups stay together */
  readonly method?: SplitMethod | undefined
  /** any integer; 1 by default; `temporal` has no chance in it */
  readonly seed?: number | undefined
  /** 0.7, 0.15, 0.15 by default; summing to 1 */
  readonly shares?: SplitShares | undefined
  /** keep near-duplicate texts on one side; true by default */
  readonly groupNearDuplicates?: boolean | undefined
  /** of the dataset's texts, where they have been looked for already */
  readonly nearDuplicates?: NearDuplicates | undefined
}

/** Which example is on which side; what split.json holds. */
export interface Split {
  readonly method: SplitMethod
  readonly seed: number
  readonly shares: SplitShares
  readonly groupNearDuplicates: boolean
  /** SHA-256 of the data file; a split fits no other */
  readonly dataSha256: string
  readonly labelColumn: string
  readonly sizes: Readonly<Record<SplitName, number>>
  /** example ids, in the order of the file */
  readonly ids: Readonly<Record<SplitName, readonly string[]>>
  readonly warnings: readonly string[]
}

export const DEFAULT_SHARES: SplitShares = { train: 0.7, validation: 0.15, test: 0.15 }

/**
 * Splits by case, before anything is learnt from the texts. The same dataset, options and seed give the same split.
 * @throws InvalidConfiguration for shares that do not sum to 1, ColumnNotFound where the method's column was not read
 * @throws DataInvalid when the training side would lack a class, or a side would be empty
 */
export function splitDataset(dataset: Dataset, options: SplitOptions = {}): Split {
  const { method = 'stratified', seed = 1, shares = DEFAULT_SHARES, groupNearDuplicates = true } = options
  checkShares(shares)
  const { examples } = dataset
  requireField(dataset, method)
  const duplicates = groupNearDuplicates ? (options.nearDuplicates ?? nearDuplicatesOf(dataset)).groups : []
  const units = splitUnits(examples, duplicates, method === 'grouped')
  const parts = partsOfUnits(
    dataset,
    units,
    method,
    SPLIT_NAMES.map((name) => shares[name]),
    seed,
  )

  const ids: Record<SplitName, string[]> = { train: [], validation: [], test: [] }
  const partOf = new Array<number>(examples.length)
  for (const [u, unit] of units.entries()) for (const example of unit) partOf[example] = parts[u]!
  for (const [i, { id }] of examples.entries()) ids[SPLIT_NAMES[partOf[i]!]!].push(id)
  const split: Split = {
    method,
    seed,
    shares,
    groupNearDuplicates,
    dataSha256: dataset.sha256,
    labelColumn: dataset.labelColumn,
    sizes: { train: ids.train.length, validation: ids.validation.length, test: ids.test.length },
    ids,
    warnings: [],
  }
  return { ...split, warnings: checkSides(dataset, split) }
}

/** The examples of every side, in the order of the file. */
export function partition(dataset: Dataset, split: Split): Record<SplitName, Example[]> {
  const byId = new Map(dataset.examples.map((example) => [example.id, example]))
  const side = (name: SplitName) => split.ids[name].map((id) => byId.get(id)!)
  return { train: side('train'), validation: side('validation'), test: side('test') }
}

function partsOfUnits(
  { examples, labels }: Dataset,
  units: readonly Unit[],
  method: SplitMethod,
  shares: readonly number[],
  seed: number,
): number[] {
  if (method === 'temporal') {
    const times = units.map((unit) => Math.max(...unit.map((example) => examples[example]!.time!)))
    return allocateByTime(
      times,
      units.map((unit) => unit.length),
      shares,
    )
  }
  return allocateUnits(units, classesOf(examples, labels), shares, createRandom(seed).fork('split'))
}

function checkShares({ train, validation, test }: SplitShares): void {
  const shares = [train, validation, test]
  if (shares.every((share) => share >= 0) && train > 0 && Math.abs(train + validation + test - 1) < 1e-6) return
  throw new InvalidConfiguration('split shares', `${shares.join(' / ')}: none may be negative, and they must sum to 1`)
}

function requireField({ examples, columns }: Dataset, method: SplitMethod): void {
  const field = ({ temporal: 'time', grouped: 'group' } as const)[method as 'temporal' | 'grouped']
  if (field === undefined || examples.every((example) => example[field] !== undefined)) return
  throw new ColumnNotFound(`(${field} column, which a ${method} split needs: name it)`, columns.join(', '))
}

/** @returns a sentence for each class that a side lacks */
function checkSides(dataset: Dataset, split: Split): string[] {
  const sides = partition(dataset, split)
  const warnings: string[] = []
  for (const name of SPLIT_NAMES) {
    if (split.shares[name] === 0) continue
    if (sides[name].length === 0) {
      throw new DataInvalid(dataset.file, `the ${name} side of the split is empty; give it a larger share or more rows`)
    }
    const present = new Set(sides[name].map(({ label }) => label))
    const absent = dataset.labels.filter((label) => !present.has(label))
    if (absent.length === 0) continue
    const listed = absent.map((label) => `"${label}" (${dataset.labelCounts[label]} in all)`).join(', ')
    if (name === 'train') {
      throw new DataInvalid(
        dataset.file,
        `the training side of the ${split.method} split has no example of ${listed}; drop or merge rare classes, or split otherwise`,
      )
    }
    warnings.push(`the ${name} side of the split has no example of ${listed}`)
  }
  return warnings
}
