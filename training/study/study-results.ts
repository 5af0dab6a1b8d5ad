/** From the finished stages of a study to its report: statistics are computed anew from the answers that were kept. */
import { classesOf } from '../data/dataset.js'
import { compareModels } from '../evaluation/compare-models.js'
import { paretoFront } from '../evaluation/pareto.js'
import { majorityBaseline } from '../evaluation/quality.js'
import { checkpointName } from '../recipes/base-model.js'
import { teacherWarning } from '../recipes/warnings.js'
import { attributionResults } from './attribution-results.js'
import { Answers } from './model-answers.js'
import { modelResult } from './model-result.js'
import {
  type Latency,
  type ModelResult,
  type ParetoResult,
  RESULTS_FORMAT_VERSION,
  type StudyResults,
} from './results.js'
import type { LatencyResult } from './run-latency.js'
import type { StudyContext } from './stage-context.js'
import type { StageResult } from './stage-store.js'
import type { PlannedModel, StudyPlan } from './stages.js'
import type { StudyConfig } from './study-schema.js'

export interface ResultsOptions {
  readonly plan: StudyPlan
  readonly sweeps: StudyResults['sweeps']
  readonly versions: Readonly<Record<string, string>>
  readonly createdAt?: Date
}

/** @returns what is there; a model none of whose seeds finished on every fold is left out and named among the failures */
export async function studyResults(context: StudyContext, options: ResultsOptions): Promise<StudyResults> {
  const { config, data, store } = context
  const { plan, sweeps, versions, createdAt = new Date() } = options
  const answers = new Answers(store, data)
  const labels = answers.labels()
  const labelNames = data.dataset.labels
  const split = data.folds.length > 1 ? 'out-of-fold' : 'test'
  const teacher = context.fit(plan.models[0]!.runs[0]!.stage)
  const failures = await failuresOf(context, plan)
  const models: ModelResult[] = []
  const probabilities = new Map<string, readonly (readonly Float64Array[])[]>()
  for (const model of plan.models) {
    const seeds = await answers.seeds(model.runs)
    const planned = new Set(model.runs.map(({ seed }) => seed)).size
    if (seeds.length < planned) {
      const error = `${planned - seeds.length} of its ${planned} seeds did not finish on every fold and do not count`
      failures.push({ stage: model.name, error })
    }
    if (seeds.length === 0) continue
    const fit = context.fit(model.runs[0]!.stage)
    const latency = await latencyOf(model, context)
    const resamples = config.bootstrap_resamples
    models.push(await modelResult({ model, fit, teacher, seeds, labels, split, latency, resamples }, answers))
    probabilities.set(
      model.name,
      seeds.map(({ calibrated }) => calibrated),
    )
  }
  const attributed = await attributionResults(context, plan)
  const withSimilarity = models.map((model) => {
    const attributionSimilarity = attributed.similarities.get(model.name)
    return attributionSimilarity ? { ...model, attributionSimilarity } : model
  })
  const training = data.folds.length > 1 ? labels : classesOf(data.folds[0]!.sides.train, labelNames)
  const majority = majorityBaseline(training, labels, labelNames)
  const pairs = models.flatMap(({ name, control }): [string, string][] =>
    control !== undefined && probabilities.has(control) ? [[name, control]] : [],
  )
  const results = await finishedStages(context, plan)
  return {
    formatVersion: RESULTS_FORMAT_VERSION,
    name: config.name,
    description: config.description,
    createdAt: createdAt.toISOString(),
    labels: [...labelNames],
    data: data.audit,
    config: publishable(config),
    environment: { versions: { ...versions }, devices: [...new Set(results.map(({ device }) => device))] },
    majority,
    models: withSimilarity,
    comparisons: compareModels({
      models: probabilities,
      pairs,
      labels,
      bootstrap: { resamples: config.bootstrap_resamples },
    }),
    pareto: paretoOf(models),
    attributions: attributed.examples,
    sweeps,
    warnings: [...plan.warnings, ...teacherWarnings(models, majority.accuracy, split)],
    failures,
    timings: results.map(({ name, seconds }) => ({ stage: name, seconds })),
  }
}

/** What makes a whole study doubtful; the models' own warnings stand with them. */
function teacherWarnings(models: readonly ModelResult[], majority: number, split: string): string[] {
  const teachers = models.filter(({ kind }) => kind === 'teacher')
  return teachers.flatMap(({ name, quality }) => {
    const warning = teacherWarning(split, quality.accuracy, majority)
    return warning === undefined ? [] : [`${name}: ${warning}`]
  })
}

async function latencyOf(model: PlannedModel, { store }: StudyContext): Promise<Latency[]> {
  const found = await Promise.all(model.latency.map((key) => store.result<LatencyResult>(key)))
  return found.flatMap((result) => result?.latency ?? [])
}

/** One front for every provider and kind of call that all have in common. */
function paretoOf(models: readonly ModelResult[]): ParetoResult[] {
  const calls = new Map(
    models.flatMap(({ latency }) =>
      latency.map(({ provider, batch, tokens }) => [`${provider} ${batch} ${tokens}`, { provider, batch, tokens }]),
    ),
  )
  return [...calls.values()].map(({ provider, batch, tokens }) => {
    const points = models.flatMap(({ name, quality, latency }) =>
      latency
        .filter((call) => call.provider === provider && call.batch === batch && call.tokens === tokens)
        .map(({ p50Ms }) => ({ name, quality: quality.accuracy.value, latencyMs: p50Ms })),
    )
    return { provider, batch, tokens, front: paretoFront(points).map(({ name }) => name) }
  })
}

async function failuresOf({ store }: StudyContext, { stages }: StudyPlan): Promise<{ stage: string; error: string }[]> {
  const failures = []
  for (const { key, name } of stages.values()) {
    const failure = store.isFinished(key) ? undefined : await store.failure(key)
    // a stack is for the log, not for a report
    if (failure) failures.push({ stage: name, error: failure.error.split('\n')[0]! })
  }
  return failures
}

async function finishedStages({ store }: StudyContext, { stages }: StudyPlan): Promise<StageResult[]> {
  const results = await Promise.all(
    [...stages.values()].map(async ({ key, name }) => {
      const result = await store.result(key)
      return result && { ...result, name }
    }),
  )
  return results.filter((result) => result !== undefined)
}

/** The configuration without the paths of this machine. */
export function publishable(config: StudyConfig): Record<string, unknown> {
  const { path: _, ...data } = config.data
  const named = <T extends { base?: string }>(model: T): T =>
    model.base === undefined ? model : { ...model, base: checkpointName(model.base) }
  const published = {
    ...config,
    data,
    ...(config.tokenizer !== undefined && { tokenizer: checkpointName(config.tokenizer) }),
    ...(config.corpus && { corpus: { ...config.corpus, path: checkpointName(config.corpus.path) } }),
    teachers: config.teachers.map(named),
    students: config.students.map(named),
  }
  return JSON.parse(JSON.stringify(published))
}
