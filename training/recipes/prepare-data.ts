import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DataManifest } from '../../src/family/family-schema.js'
import { checkSides } from '../data/check-sides.js'
import type { Dataset, Example } from '../data/dataset.js'
import { auditLeaks } from '../data/leak-audit.js'
import { nearDuplicatesOf } from '../data/near-duplicates.js'
import { readDataset } from '../data/read-dataset.js'
import { partition, type Split, type SplitName, splitDataset } from '../data/split.js'
import { readSplit, writeSplit } from '../data/split-file.js'
import type { TrainingConfig } from './config.js'
import type { OnEvent } from './events.js'
import { writeJson } from './run-folder.js'

export interface PreparedData {
  readonly dataset: Dataset
  readonly split: Split
  readonly sides: Readonly<Record<SplitName, readonly Example[]>>
  /** for family.json */
  readonly manifest: DataManifest
}

/** Reads what a configuration names. @throws as readDataset does */
export function datasetOf(config: Pick<TrainingConfig, 'data'>, path: string): Promise<Dataset> {
  const { data } = config
  return readDataset(path, {
    textColumn: data.text_column,
    labelColumn: data.label_column,
    labelMap: data.label_map,
    idColumn: data.id_column,
    groupColumn: data.group_column,
    timeColumn: data.time_column,
    prefixColumns: data.prefix_columns,
    minClassCount: data.min_class_count,
    rareClasses: data.rare_classes,
  })
}

/**
 * Reads, splits and audits; the split and the audit are written beside the run, and a resumed run takes the split that is
 * there.
 * @throws DataInvalid when a resumed run finds another file than the one that it was begun with, or a side has one label only
 */
export async function prepareData(
  config: TrainingConfig,
  path: string,
  { runFolder, resume, onEvent }: { runFolder: string; resume: boolean; onEvent: OnEvent },
): Promise<PreparedData> {
  const dataset = await datasetOf(config, path)
  const splitFile = join(runFolder, 'split.json')
  const begun = resume && existsSync(splitFile)
  const { method, seed, validation, test } = config.split
  const nearDuplicates = nearDuplicatesOf(dataset)
  const shares = { train: 1 - validation - test, validation, test }
  const split = begun
    ? await readSplit(splitFile, dataset)
    : splitDataset(dataset, { method, seed, shares, nearDuplicates })
  const sides = partition(dataset, split)
  checkSides(path, sides)
  if (!begun) await writeSplit(splitFile, split)
  const audit = auditLeaks(dataset, split, nearDuplicates)
  await writeJson(join(runFolder, 'audit.json'), audit)
  const warnings = [...dataset.warnings, ...split.warnings, ...audit.sentences]
  for (const message of warnings) onEvent({ type: 'warning', message })
  return {
    dataset,
    split,
    sides,
    manifest: {
      sha256: dataset.sha256,
      description: config.data.description,
      ...(config.data.licence !== undefined && { licence: config.data.licence }),
      textColumn: dataset.textColumn,
      labelColumn: dataset.labelColumn,
      rows: dataset.rows,
      skipped: dataset.skipped.length,
      split: { method, seed, ...split.sizes },
      labelCounts: { ...dataset.labelCounts },
      warnings,
    },
  }
}
