/**
 * The main recipe: fit a teacher, distil students from its cached outputs, measure every tier on the files that will
 * be served, and write the family. A run that was killed is taken up where it stood; stages that finished are not repeated.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidConfiguration } from '../../src/errors.js'
import type { Family } from '../../src/family/load-family.js'
import { loadTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { LARGE_DELTA } from '../attribution/convergence.js'
import { majorityBaseline } from '../evaluation/quality.js'
import { exportFamily, type TierExport } from '../export/export-family.js'
import { writeWhole } from '../write-whole.js'
import { checkpointName, type TeacherStart, teacherStart } from './base-model.js'
import { checkStudents } from './check-students.js'
import type { StudentConfig, TrainingConfig } from './config.js'
import { eventRecord, type OnEvent } from './events.js'
import { fitStudent } from './fit-student.js'
import { fitTeacher, softTargets } from './fit-teacher.js'
import { needsTeacherLogits } from './losses-config.js'
import { measureStage, tierExport, warnAboutTeacher } from './measure-stage.js'
import { type PreparedData, prepareData } from './prepare-data.js'
import type { Run, Sides, TrainFamilyOptions } from './run.js'
import { appendLine, readJson, writeJson } from './run-folder.js'
import { inputLimit, tokenizeExamples } from './token-set.js'

/** @throws whatever config, data, checkpoint and engine refuse; nothing that was finished is lost by it */
export async function trainFamily(options: TrainFamilyOptions): Promise<Family> {
  const { config, runFolder, resume } = options
  await checkRunFolder(options)
  const onEvent: OnEvent = (event) => {
    appendLine(
      join(runFolder, 'events.ndjson'),
      JSON.stringify({ at: new Date().toISOString(), ...eventRecord(event) }),
    )
    options.onEvent(event)
  }
  const data = await prepareData(config, options.dataPath, { runFolder, resume, onEvent })
  const labels = data.dataset.labels
  onEvent({ type: 'message', message: describeData(data, resume) })
  const start = await teacherStart(config.teacher, labels.length, {
    seed: config.seed,
    maxTokens: config.max_tokens,
    trainTexts: data.sides.train.map(({ text }) => text),
    runFolder,
    cacheFolder: options.cacheFolder,
  })
  await checkStudents({ ...options, onEvent }, start, labels)
  // only now is the run begun: a wrong column or checkpoint is put right without naming another folder
  await writeJson(join(runFolder, 'config.json'), config)
  const run = await tokenized({ ...options, onEvent }, data, start)
  const teacher = await fitTeacher(run, start)
  const tiers: TierExport[] = []
  const measuredTeacher = await measureStage(run, 'teacher', teacher, config.teacher.precision)
  tiers.push(tierExport('teacher', teacher, measuredTeacher))
  warnAboutTeacher(run, measuredTeacher)
  if (config.students.length > 0) {
    const wanted = config.students.some(({ losses }) => needsTeacherLogits(losses))
    const soft = wanted ? await softTargets(run, 'teacher', teacher) : undefined
    for (const student of mostAccurateFirst(config.students)) {
      const finished = await fitStudent(run, student, teacher, soft)
      const measured = await measureStage(run, student.tier, finished, student.precision, measuredTeacher)
      tiers.push(tierExport(student.tier, finished, measured))
    }
  }
  const family = await exportFamily(options.outFolder, {
    name: config.name,
    description: config.description,
    labels: [...labels],
    tokenizerFile: run.tokenizerFile,
    maxTokens: run.maxTokens,
    windowOverlap: config.window_overlap,
    tiers,
    explain: config.explain,
    majority: majorityBaseline(run.sides.train.labels, run.sides.test.labels, labels),
    data: data.manifest,
    config: publishable(config),
    versions: { ...options.versions },
  })
  for (const { tier, explain } of family.manifest.tiers) {
    if (explain === undefined || explain.maxDelta <= LARGE_DELTA) continue
    const message = `${tier}: attributions do not add up to the logit's rise (convergence delta ${explain.maxDelta.toFixed(3)})`
    onEvent({ type: 'warning', message })
  }
  onEvent({ type: 'stage', stage: 'family', state: 'finished', detail: `${family.version} in ${options.outFolder}` })
  return family
}

async function checkRunFolder({ runFolder, config, resume }: TrainFamilyOptions): Promise<void> {
  const configFile = join(runFolder, 'config.json')
  const begun = await readJson<TrainingConfig>(configFile)
  if (begun && !resume) {
    throw new InvalidConfiguration(
      '--out',
      `a run was begun in ${runFolder}; add --resume to continue it, or name another --out`,
    )
  }
  if (begun && JSON.stringify(begun) !== JSON.stringify(config)) {
    throw new InvalidConfiguration(
      '--resume',
      `the configuration is not the one that ${configFile} was begun with; restore it, or name another --out`,
    )
  }
  await mkdir(runFolder, { recursive: true })
}

async function tokenized(options: TrainFamilyOptions, data: PreparedData, start: TeacherStart): Promise<Run> {
  const { config, runFolder, onEvent } = options
  const tokenizerFile = join(runFolder, 'tokenizer.json')
  await writeWhole(tokenizerFile, start.tokenizerJson)
  const tokenizer = loadTokenizer(tokenizerFile)
  const maxTokens = inputLimit(config.max_tokens, start.config)
  const side = (name: keyof Sides) => tokenizeExamples(data.sides[name], data.dataset.labels, tokenizer, maxTokens)
  const sides = { train: await side('train'), validation: await side('validation'), test: await side('test') }
  if (sides.train.truncated > 0) {
    const share = ((100 * sides.train.truncated) / sides.train.texts.length).toFixed(1)
    onEvent({
      type: 'message',
      message: `${sides.train.truncated} training texts (${share}%) are longer than ${maxTokens} tokens and are learnt from their beginning`,
    })
  }
  return {
    ...options,
    data,
    tokenizerFile,
    tokenizerJson: start.tokenizerJson,
    tokenizer,
    sides,
    maxTokens,
  }
}

function mostAccurateFirst(students: readonly StudentConfig[]): StudentConfig[] {
  return students.toSorted((a, b) => Number(a.tier === 'fast') - Number(b.tier === 'fast'))
}

/** The configuration without the paths of this machine. */
function publishable(config: TrainingConfig): Record<string, unknown> {
  const { path: _, ...data } = config.data
  const named = <T extends { base?: string }>(model: T): T =>
    model.base === undefined ? model : { ...model, base: checkpointName(model.base) }
  const published = { ...config, data, teacher: named(config.teacher), students: config.students.map(named) }
  return JSON.parse(JSON.stringify(published))
}

function describeData({ dataset, split }: PreparedData, resume: boolean): string {
  const { train, validation, test } = split.sizes
  const how = resume ? 'the split of the run' : `${split.method} split, seed ${split.seed}`
  return `${dataset.examples.length} of ${dataset.rows} rows, ${dataset.labels.length} labels; ${how}: ${train} / ${validation} / ${test}`
}
