import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { createEngine } from '../../training/engine/create-engine.js'
import type { Device } from '../../training/engine/types.js'
import { exportModels, parseExports } from '../../training/study/export-models.js'
import {
  describeStudy,
  mergeStudy,
  type PlanSummary,
  runStudy,
  type StudyOptions,
  type StudyOutcome,
} from '../../training/study/run-study.js'
import { parseShard } from '../../training/study/shards.js'
import { readStudyConfig } from '../../training/study/study-config.js'
import { InvalidConfiguration } from '../errors.js'
import { precisionOption } from './precision-option.js'
import { EXIT_FAILURE } from './report-error.js'
import { runtimeVersions } from './runtime-versions.js'
import { threadsOption } from './threads-option.js'
import { type TrainingProgress, trainingProgress } from './training-progress.js'

export interface StudyFlags {
  readonly config: string
  readonly data?: string
  readonly out?: string
  readonly device: string
  readonly threads?: string
  readonly precision?: string
  readonly shard?: string
  /** true without folders */
  readonly merge?: true | readonly string[]
  readonly dryRun?: boolean
  readonly export?: string
  readonly family?: string
}

export async function runStudyCommand(flags: StudyFlags): Promise<void> {
  checkTogether(flags)
  const config = await readStudyConfig(flags.config)
  const dataPath = flags.data ?? config.data.path
  if (dataPath === undefined) throw new InvalidConfiguration('--data', 'name the CSV or JSONL file to learn from')
  const shard = flags.shard === undefined ? undefined : parseShard(flags.shard)
  const progress = trainingProgress()
  const options: StudyOptions = {
    config,
    dataPath: resolve(dataPath),
    outFolder: resolve(flags.out ?? join('runs', config.name)),
    cacheFolder: process.env.LEXTIER_CACHE ?? join(homedir(), '.cache', 'lextier'),
    onEvent: progress.onEvent,
  }
  try {
    if (flags.dryRun) return printPlan(await describeStudy({ ...options, shard }))
    const versions = runtimeVersions()
    if (flags.export !== undefined) {
      const familyFolder = resolve(flags.family!)
      const choices = parseExports(flags.export)
      return progress.finished(await exportModels({ ...options, versions, choices, familyFolder }))
    }
    if (flags.merge !== undefined) {
      const from = flags.merge === true ? [] : flags.merge.map((folder) => resolve(folder))
      return finish(progress, await mergeStudy({ ...options, versions, from }))
    }
    const engine = await createEngine(flags.device as Device, {
      ...threadsOption(flags),
      ...precisionOption(flags),
    })
    try {
      progress.onEvent({ type: 'message', message: `engine ${engine.description}` })
      finish(progress, await runStudy({ ...options, versions, shard, engine }))
    } finally {
      await engine.dispose()
    }
  } finally {
    progress.stop()
  }
}

function checkTogether({ shard, merge, dryRun, export: models, family }: StudyFlags): void {
  if (shard !== undefined && merge !== undefined) {
    throw new InvalidConfiguration(
      '--merge, --shard',
      'give one of the two: shards run first, one merge comes after them',
    )
  }
  if ((models === undefined) !== (family === undefined)) {
    throw new InvalidConfiguration('--export, --family', 'give both: which models, and the folder of the family')
  }
  if (models !== undefined && (shard !== undefined || merge !== undefined || dryRun)) {
    throw new InvalidConfiguration('--export', 'it trains nothing; leave --shard, --merge and --dry-run out')
  }
}

/** A study that lacks something has said so; its exit code says it to scripts. */
function finish(progress: TrainingProgress, { results, files, complete }: StudyOutcome): void {
  progress.stop()
  if (results && process.stderr.isTTY) {
    console.table(
      results.models.map(({ name, parameters, quality }) => ({
        name,
        parameters,
        accuracy: quality.accuracy.value.toFixed(3),
        nll: quality.nll.value.toFixed(3),
        auc: quality.auc.value.toFixed(3),
      })),
    )
    console.log(`majority baseline: accuracy ${results.majority.accuracy.toFixed(3)}`)
  }
  for (const { stage, error } of results?.failures ?? []) {
    progress.onEvent({ type: 'warning', message: `missing in the report: ${stage}: ${error}` })
  }
  const message = results ? `report written to ${files[0]}` : 'this shard is finished; --merge writes the report'
  progress.onEvent({ type: 'message', message: complete ? message : `${message}; some stages are missing` })
  if (!complete) process.exitCode = EXIT_FAILURE
}

function printPlan({ stages, trials, groups, models }: PlanSummary): void {
  const done = stages.filter((stage) => stage.done).length
  if (!process.stdout.isTTY) {
    console.log(JSON.stringify({ stages, trials, groups, models, done, to_do: stages.length - done }))
    return
  }
  for (const { name, done } of stages) console.log(`${done ? 'done ' : 'to do'}  ${name}`)
  const swept = trials > 0 ? `, ${trials} trials of sweeps (what they choose may add stages)` : ''
  console.log(`${models.length} models, ${groups} groups (seeds x folds)${swept}`)
  console.log(`${stages.length} stages: ${done} done, ${stages.length - done} to do`)
}
