import { sha256 } from '../../src/family/file-hash.js'
import { checkSides } from '../data/check-sides.js'
import type { Dataset, Example } from '../data/dataset.js'
import { foldSplits } from '../data/fold-split.js'
import { auditLeaks } from '../data/leak-audit.js'
import { nearDuplicatesOf } from '../data/near-duplicates.js'
import { partition, type Split, type SplitName, splitDataset } from '../data/split.js'
import { datasetOf } from '../recipes/prepare-data.js'
import type { DataAudit } from './results.js'
import { canonicalJson } from './stage-key.js'
import type { StudyConfig } from './study-schema.js'

/** The sides of one fold, in the order of the file. */
export interface FoldData {
  /** hash of texts and labels, side by side */
  readonly key: string
  readonly sides: Readonly<Record<SplitName, readonly Example[]>>
}

export interface StudyData {
  readonly dataset: Dataset
  /** one where there is one split */
  readonly folds: readonly FoldData[]
  readonly audit: DataAudit
}

/**
 * Reads, audits and splits what a study is about. The same file and settings give the same folds, so that shards and later
 * runs need no file of their own for them.
 * @throws whatever reading and splitting refuse; DataInvalid when a side has one label only
 */
export async function readStudyData(config: StudyConfig, path: string): Promise<StudyData> {
  const dataset = await datasetOf(config, path)
  const nearDuplicates = nearDuplicatesOf(dataset)
  const { split, sides } = config.folds
    ? { split: undefined, sides: foldSides(dataset, config.folds, nearDuplicates.groups) }
    : oneSplit(dataset, config.split!, nearDuplicates)
  // the test sides of folds are pooled: together they are all cases
  for (const { train, validation, test } of sides) checkSides(path, { train, validation, ...(split && { test }) })
  const folds = sides.map((fold) => ({ key: foldKey(fold, dataset.labels), sides: fold }))
  const leaks = auditLeaks(dataset, split, nearDuplicates)
  const mean = (side: SplitName) => sides.reduce((sum, fold) => sum + fold[side].length, 0) / sides.length
  return {
    dataset,
    folds,
    audit: {
      sha256: dataset.sha256,
      description: config.data.description,
      ...(config.data.licence !== undefined && { licence: config.data.licence }),
      textColumn: dataset.textColumn,
      labelColumn: dataset.labelColumn,
      rows: dataset.rows,
      skipped: dataset.skipped.length,
      labelCounts: { ...dataset.labelCounts },
      leaks: [...leaks.sentences],
      nearDuplicates: {
        groups: leaks.duplicates.length,
        acrossSides: leaks.acrossSides.length,
        conflicts: leaks.conflicts.length,
      },
      split: {
        method: config.split?.method ?? (config.folds?.grouped ? 'grouped' : 'stratified'),
        seed: (config.split ?? config.folds)!.seed,
        folds: folds.length,
        train: mean('train'),
        validation: mean('validation'),
        test: mean('test'),
        tested: sides.reduce((sum, { test }) => sum + test.length, 0),
      },
      warnings: [...dataset.warnings, ...(split?.warnings ?? [])],
    },
  }
}

type Sides = FoldData['sides']
type NearDuplicates = ReturnType<typeof nearDuplicatesOf>

function oneSplit(
  dataset: Dataset,
  { method, seed, validation, test }: NonNullable<StudyConfig['split']>,
  nearDuplicates: NearDuplicates,
): { split: Split; sides: Sides[] } {
  const shares = { train: 1 - validation - test, validation, test }
  const split = splitDataset(dataset, { method, seed, shares, nearDuplicates })
  return { split, sides: [partition(dataset, split)] }
}

function foldSides(
  { examples }: Dataset,
  { count, seed, validation, grouped }: NonNullable<StudyConfig['folds']>,
  groups: NearDuplicates['groups'],
): Sides[] {
  const folds = foldSplits(examples, { count, seed, validation, groups, byGroup: grouped })
  const taken = (indices: readonly number[]) => indices.map((i) => examples[i]!)
  return folds.map(({ train, validation, test }) => ({
    train: taken(train),
    validation: taken(validation),
    test: taken(test),
  }))
}

function foldKey(sides: Sides, labels: readonly string[]): string {
  const content = (['train', 'validation', 'test'] as const).map((side) =>
    sides[side].map(({ text, label }) => [text, label]),
  )
  return sha256(canonicalJson({ labels, content })).slice(0, 24)
}
