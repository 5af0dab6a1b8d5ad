import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { createEngine } from '../../training/engine/create-engine.js'
import type { Device } from '../../training/engine/types.js'
import { readTrainingConfig, type TrainingConfig } from '../../training/recipes/config.js'
import { preset } from '../../training/recipes/presets.js'
import { smokeCases, smokeCsv } from '../../training/recipes/smoke-cases.js'
import { trainFamily } from '../../training/recipes/train-family.js'
import { writeWhole } from '../../training/write-whole.js'
import { InvalidConfiguration } from '../errors.js'
import { precisionOption } from './precision-option.js'
import { runtimeVersions } from './runtime-versions.js'
import { threadsOption } from './threads-option.js'
import { trainingProgress } from './training-progress.js'

export interface TrainFlags {
  readonly config?: string
  readonly preset?: string
  readonly data?: string
  readonly base?: string
  readonly out?: string
  readonly device: string
  readonly precision?: string
  readonly threads?: string
  readonly resume?: boolean
}

const SMOKE_CASES = 400
const SMOKE_SEED = 7

export async function runTraining(flags: TrainFlags): Promise<void> {
  const config = await chosenConfig(flags)
  const out = resolve(flags.out ?? join('runs', `${config.name}-${timestamp()}`))
  const runFolder = `${out}.run`
  if (flags.resume && flags.out === undefined) {
    throw new InvalidConfiguration('--resume', 'name the run to continue with --out')
  }
  if (flags.resume && !existsSync(join(runFolder, 'config.json'))) {
    throw new InvalidConfiguration('--resume', `there is no run in ${runFolder}; leave --resume out to begin one`)
  }
  const dataPath = await dataFile(flags, config, runFolder)
  const engine = await createEngine(flags.device as Device, { ...threadsOption(flags), ...precisionOption(flags) })
  const progress = trainingProgress()
  try {
    progress.onEvent({ type: 'message', message: `engine ${engine.description}` })
    const family = await trainFamily({
      config,
      dataPath,
      outFolder: out,
      runFolder,
      resume: flags.resume === true,
      cacheFolder: process.env.LEXTIER_CACHE ?? join(homedir(), '.cache', 'lextier'),
      engine,
      versions: runtimeVersions(),
      onEvent: progress.onEvent,
    })
    progress.finished(family)
  } finally {
    progress.stop()
    await engine.dispose()
  }
}

async function chosenConfig(flags: TrainFlags): Promise<TrainingConfig> {
  if ((flags.config === undefined) === (flags.preset === undefined)) {
    throw new InvalidConfiguration('--config, --preset', 'give one of the two')
  }
  const config = flags.config === undefined ? preset(flags.preset!) : await readTrainingConfig(flags.config)
  return flags.base === undefined ? config : { ...config, teacher: { ...config.teacher, base: flags.base } }
}

/** The smoke preset brings its own cases, so that it needs nothing but itself. */
async function dataFile(flags: TrainFlags, config: TrainingConfig, runFolder: string): Promise<string> {
  const named = flags.data ?? config.data.path
  if (named !== undefined) return resolve(named)
  if (flags.preset !== 'smoke') throw new InvalidConfiguration('--data', 'name the CSV or JSONL file to learn from')
  const file = join(runFolder, 'smoke.csv')
  await writeWhole(file, smokeCsv(smokeCases(SMOKE_CASES, SMOKE_SEED)))
  return file
}

function timestamp(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '-')
}
