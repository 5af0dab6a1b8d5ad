/** Reads and checks the configuration of a study. */
import { readFile } from 'node:fs/promises'
import { Value } from 'typebox/value'
import { parse as parseYaml } from 'yaml'
import { InvalidConfiguration } from '../../src/errors.js'
import { SplitConfig } from '../recipes/config.js'
import { configFault, nearest } from '../recipes/config-fault.js'
import { checkLosses, type LossesConfig, METHOD_NAMES, METHODS } from '../recipes/losses-config.js'
import { CONTROL, namedMethod } from './methods.js'
import {
  type StudyConfig,
  StudyConfigSchema,
  type StudySource,
  type StudyTeacher,
  TeacherEntry,
} from './study-schema.js'

/** Of a teacher that learns from members. */
const MEMBER_LOSSES: LossesConfig = METHODS.vanilla

/**
 * Fills in defaults and checks everything that can be checked without data and checkpoints.
 * @param source a file's name, for the message
 * @throws InvalidConfiguration naming the key
 */
export function parseStudyConfig(raw: unknown, source: string): StudyConfig {
  const refuse = (why: string): never => {
    throw new InvalidConfiguration(source, why)
  }
  const value = Value.Default(StudyConfigSchema, listed(raw))
  const fault = configFault(StudyConfigSchema, value)
  if (fault) refuse(fault)
  const { teacher, teachers, methods, ...rest } = value as StudySource
  if (teacher && teachers) refuse('teacher, teachers: give one of the two')
  const config: StudyConfig = {
    ...rest,
    ...(rest.split === undefined && rest.folds === undefined && { split: Value.Default(SplitConfig, {}) as never }),
    teachers: (teachers ?? [teacher ?? (Value.Default(TeacherEntry, {}) as StudyTeacher)]).map((entry) => ({
      ...entry,
      losses: entry.losses ?? MEMBER_LOSSES,
    })),
    methods: methods.map((method) => (typeof method === 'string' ? namedMethod(method) : method)),
  }
  checkSplit(config, refuse)
  checkNames(config, refuse)
  checkStarts(config, refuse)
  checkSeeds(config, refuse)
  for (const { name, losses } of config.methods) checkLosses(losses, `${source}: methods.${name}`)
  const hard = config.hard_examples && [{ entry: config.hard_examples, name: 'hard_examples' }]
  const named = [...config.teachers, ...config.students].map((entry) => ({ entry, name: entry.name }))
  for (const { entry, name } of [...named, ...(hard ?? [])]) {
    if (entry.batch_size % entry.accumulation !== 0) refuse(`${name}: accumulation must divide batch_size`)
  }
  return config
}

/** @throws InvalidConfiguration when the file cannot be read, parsed or accepted */
export async function readStudyConfig(file: string): Promise<StudyConfig> {
  let raw: unknown
  try {
    raw = parseYaml(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new InvalidConfiguration(file, `cannot be read as YAML or JSON (${(cause as Error).message.split('\n')[0]})`)
  }
  return parseStudyConfig(raw, file)
}

/** A single sweep is a list of one. */
function listed(raw: unknown): unknown {
  const copy = Value.Clone(raw ?? {}) as { sweep?: unknown }
  if (copy.sweep === undefined || Array.isArray(copy.sweep)) return copy
  return { ...copy, sweep: [copy.sweep] }
}

type Refuse = (why: string) => never

function checkSplit({ split, folds, data }: StudyConfig, refuse: Refuse): void {
  if (split && folds) refuse('split, folds: give one of the two')
  if (split && split.validation + split.test >= 0.9) refuse('split: validation and test must leave at least 0.1')
  if (split && (split.validation === 0 || split.test === 0)) refuse('split: validation and test must be above 0')
  if (split?.method === 'temporal' && !data.time_column) refuse('split.method: temporal needs data.time_column')
  if (split?.method === 'grouped' && !data.group_column) refuse('split.method: grouped needs data.group_column')
  if (folds?.grouped && !data.group_column) refuse('folds.grouped: needs data.group_column')
}

function checkNames(config: StudyConfig, refuse: Refuse): void {
  const { teachers, students, methods, chains, hard_examples } = config
  const unique = (what: string, names: readonly string[]) => {
    const twice = names.find((name, i) => names.indexOf(name) < i)
    if (twice !== undefined) refuse(`${what}: "${twice}" is named twice`)
  }
  const teacherNames = teachers.map(({ name }) => name)
  const studentNames = students.map(({ name }) => name)
  const methodNames = methods.map(({ name }) => name)
  unique('teachers, students, chains', [...teacherNames, ...studentNames, ...chains.map(({ name }) => name)])
  unique('methods', methodNames)
  const oneOf = (where: string, name: string, names: readonly string[]) => {
    if (names.includes(name)) return
    refuse(`${where}: there is no "${name}"; ${nearest(name, names) ?? `there are ${names.join(', ')}`}`)
  }
  for (const student of students) {
    for (const name of student.teachers ?? []) oneOf(`students.${student.name}.teachers`, name, teacherNames)
    for (const name of student.methods ?? []) oneOf(`students.${student.name}.methods`, name, methodNames)
  }
  for (const { name, path, method } of chains) {
    oneOf(`chains.${name}.method`, method, [...new Set([...methodNames, ...METHOD_NAMES])])
    if (method === CONTROL) refuse(`chains.${name}.method: control has no teacher; name a distillation`)
    oneOf(`chains.${name}.path`, path[0]!, teacherNames)
    for (const link of path.slice(1)) oneOf(`chains.${name}.path`, link, studentNames)
  }
  for (const name of hard_examples?.methods ?? []) oneOf('hard_examples.methods', name, methodNames)
}

function checkStarts(config: StudyConfig, refuse: Refuse): void {
  const { teachers, students, corpus, general, pretraining } = config
  for (const { name, base, architecture, start } of teachers) {
    if (base !== undefined && architecture !== undefined) refuse(`${name}: give base or architecture`)
    if (start === 'checkpoint' && base === undefined) refuse(`${name}.start: checkpoint needs a base`)
    if (start === 'random' && base !== undefined) refuse(`${name}.start: random has no base; give an architecture`)
  }
  for (const student of students) {
    const { name, teacher_layers: layers, architecture, base, start } = student
    const given = [layers, architecture, base].filter((way) => way !== undefined).length
    if (given !== 1) refuse(`${name}: name one of teacher_layers, architecture and base: what the student is`)
    if (layers && start !== undefined && start !== 'teacher_layers') refuse(`${name}.start: it has teacher_layers`)
    if (base && start !== undefined && start !== 'checkpoint' && start !== 'pretrained') {
      refuse(`${name}.start: a base starts as checkpoint, or as pretrained (further, on the corpus)`)
    }
    if (start === 'checkpoint' && !base) refuse(`${name}.start: checkpoint needs a base`)
  }
  const starts: (string | undefined)[] = [...teachers, ...students].map(({ start }) => start)
  for (const [name, section] of Object.entries({ general, pretraining })) {
    const start = name === 'general' ? 'general' : 'pretrained'
    if (starts.includes(start) && !section) refuse(`start: ${start} needs the section "${name}"; {} takes its defaults`)
    if (section && !corpus) refuse(`${name}: needs a corpus`)
  }
}

function checkSeeds({ seeds, students, chains }: StudyConfig, refuse: Refuse): void {
  for (const { name, seeds: own = [] } of students) {
    const foreign = own.find((seed) => !seeds.includes(seed))
    if (foreign !== undefined) {
      refuse(`students.${name}.seeds: ${foreign} is not among the study's seeds (${seeds.join(', ')})`)
    }
  }
  for (const { name, path } of chains) {
    const links = students.filter((student) => path.includes(student.name))
    if (!seeds.some((seed) => links.every((link) => link.seeds?.includes(seed) ?? true))) {
      refuse(`chains.${name}: its students have no seed in common`)
    }
  }
}
