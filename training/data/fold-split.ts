import { DataInvalid, InvalidConfiguration } from '../../src/errors.js'
import { createRandom, type Random } from '../random.js'
import { allocateUnits } from './allocate-units.js'
import { classesOf, type Example } from './dataset.js'
import type { SplitName } from './split.js'
import { splitUnits, type Unit } from './split-units.js'

export interface FoldOptions {
  /** folds, 2 or more */
  readonly count: number
  /** any integer; equal seeds give equal folds */
  readonly seed: number
  /** share of each fold's training side that becomes its validation side, in [0, 1) */
  readonly validation: number
  /** examples that never part, by index, such as near-duplicate texts */
  readonly groups?: readonly (readonly number[])[] | undefined
  /** examples of one `group` never part; off unless told otherwise */
  readonly byGroup?: boolean | undefined
}

/** One fold's sides: indices into the examples, ascending. */
export type Fold = Readonly<Record<SplitName, readonly number[]>>

/**
 * Stratified k-fold splits: every example is in the test side of exactly one fold, so that out-of-fold predictions can be
 * pooled over all examples. The validation side of a fold is cut from its training side: early stopping and calibration
 * never see its test.
 * @throws InvalidConfiguration when there are fewer inseparable units than folds, or an option is out of range
 * @throws DataInvalid when the training side of a fold would lack a class, or its validation side would be empty
 */
export function foldSplits(examples: readonly Example[], options: FoldOptions): Fold[] {
  const { count, seed, validation, groups = [], byGroup = false } = options
  const units = splitUnits(examples, groups, byGroup)
  checkOptions(options, units)
  const labels = [...new Set(examples.map(({ label }) => label))].sort()
  const classes = classesOf(examples, labels)
  const random = createRandom(seed).fork('folds')
  const foldOf = allocateUnits(units, classes, new Array<number>(count).fill(1 / count), random)
  return Array.from({ length: count }, (_, number) => {
    const rest = units.filter((_, u) => foldOf[u] !== number)
    const side = sidesOf(rest, classes, validation, random.fork(`validation ${number}`))
    const fold: Fold = {
      train: indicesOf(rest.filter((_, u) => side[u] === 0)),
      validation: indicesOf(rest.filter((_, u) => side[u] === 1)),
      test: indicesOf(units.filter((_, u) => foldOf[u] === number)),
    }
    checkFold(fold, `fold ${number + 1} of ${count}`, labels, classes, validation)
    return fold
  })
}

/** @returns 0 (training) or 1 (validation) for every unit; the shares are those of these units, not of all examples */
function sidesOf(units: readonly Unit[], classes: readonly number[], validation: number, random: Random): number[] {
  const examples = indicesOf(units)
  const place = new Map(examples.map((example, at) => [example, at]))
  const placed = units.map((unit) => unit.map((example) => place.get(example)!))
  const placedClasses = examples.map((example) => classes[example]!)
  return allocateUnits(placed, placedClasses, [1 - validation, validation], random)
}

function indicesOf(units: readonly Unit[]): number[] {
  return units.flat().sort((a, b) => a - b)
}

function checkOptions({ count, validation }: FoldOptions, units: readonly Unit[]): void {
  if (!(Number.isInteger(count) && count >= 2 && count <= units.length)) {
    throw new InvalidConfiguration(
      'folds.count',
      `${count} folds of ${units.length} texts that may part; choose an integer from 2 to ${units.length}`,
    )
  }
  if (!(validation >= 0 && validation < 1)) {
    throw new InvalidConfiguration('folds validation share', `${validation} is not in [0, 1)`)
  }
}

function checkFold(
  { train, validation }: Fold,
  name: string,
  labels: readonly string[],
  classes: readonly number[],
  share: number,
): void {
  const present = new Set(train.map((i) => classes[i]))
  const absent = labels.filter((_, label) => !present.has(label))
  if (absent.length > 0) {
    throw new DataInvalid(
      name,
      `its training side has no example of ${absent.map((label) => `"${label}"`).join(', ')}; drop or merge rare classes, or take fewer folds`,
    )
  }
  if (share > 0 && validation.length === 0) {
    throw new DataInvalid(name, 'its validation side is empty; give it a larger share or more rows')
  }
}
