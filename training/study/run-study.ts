/** A whole study: sweeps, the stages of its plan, its report. What was finished before is not repeated. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidConfiguration } from '../../src/errors.js'
import type { Engine } from '../engine/types.js'
import { eventRecord, type OnEvent } from '../recipes/events.js'
import { appendLine, writeJson } from '../recipes/run-folder.js'
import { writeReport } from '../report/write-report.js'
import { executeStages, type WantedStage } from './execute-stages.js'
import { modelWarnings } from './model-result.js'
import { planStudy } from './plan.js'
import type { StudyResults } from './results.js'
import { type PlannedTrial, plannedTrials, runSweeps } from './run-sweeps.js'
import { checkShard, isMine, type Shard } from './shards.js'
import { type StageContext, StudyContext, stageContext } from './stage-context.js'
import { StageStore } from './stage-store.js'
import type { FitStage, PlannedModel, Stage, StudyPlan } from './stages.js'
import { readStudyData, type StudyData } from './study-data.js'
import { publishable, studyResults } from './study-results.js'
import type { StudyConfig } from './study-schema.js'
import { StudySources } from './study-sources.js'

export interface StudyOptions {
  readonly config: StudyConfig
  readonly dataPath: string
  /** stages, vocabularies, events and the report */
  readonly outFolder: string
  /** where checkpoints from a hub are kept */
  readonly cacheFolder: string
  readonly onEvent: OnEvent
}

export interface RunStudyOptions extends StudyOptions {
  /** run this share of the groups, and write no report */
  readonly shard?: Shard | undefined
  readonly engine: Engine
  /** recorded in the report: lextier, node, onnxruntime, tfjs */
  readonly versions: Readonly<Record<string, string>>
}

export interface StudyOutcome {
  /** absent for a shard */
  readonly results?: StudyResults
  /** the report's files, the page first */
  readonly files: readonly string[]
  /** whether every stage that was to run has finished */
  readonly complete: boolean
}

/** @throws what configuration, data and checkpoints refuse, before anything is trained; DiskFull */
export async function runStudy(options: RunStudyOptions): Promise<StudyOutcome> {
  const { config, shard, engine } = options
  await mkdir(options.outFolder, { recursive: true })
  const onEvent = recorded(options, shard)
  const { data, sources, store } = await openStudy(options)
  announce(data, onEvent)
  const holder = shard && `shard ${shard.index}/${shard.count}`
  let complete = true
  const contextOf = (current: StudyConfig, { stages }: StudyPlan) =>
    stageContext(new StudyContext(current, stages, data, sources, store), engine, onEvent)
  const execute = async (wanted: readonly WantedStage[], drop: boolean) => {
    const { failures, blocked } = await executeStages({
      store,
      onEvent,
      wanted,
      holder,
      dropWeights: ({ kind, group = 0 }) => drop && kind === 'fit' && group > 0,
    })
    for (const name of blocked)
      onEvent({ type: 'warning', message: `${name} was not run: it needs a stage that failed` })
    complete &&= failures.size === 0 && blocked.length === 0
  }
  // whatever would be refused is refused before the sweeps begin
  const first = planStudy(config, await sources.inputs(config))
  if (shard) checkShard(shard, first.groups.length)
  warnAhead(first, onEvent)
  const swept = await runSweeps(config, {
    sources,
    store,
    run: (trials) => execute(stagesOfTrials(trials, contextOf), false),
  })
  const plan = planStudy(swept.config, await sources.inputs(swept.config))
  const context = contextOf(swept.config, plan)
  const wanted = shard ? stagesOfShard(plan, shard) : [...plan.stages.values()]
  await execute(
    wanted.map((stage) => ({ stage, context })),
    config.keep_weights === 'first',
  )
  if (shard) return { files: [], complete }
  return { ...(await report(options, context, plan, swept.sweeps)), complete }
}

/** Puts the stages of other folders beside those of outFolder and writes the report; trains nothing. */
export async function mergeStudy(
  options: StudyOptions & Pick<RunStudyOptions, 'versions'> & { readonly from: readonly string[] },
): Promise<StudyOutcome> {
  const { config, from, onEvent } = options
  const { data, sources, store } = await openStudy(options)
  for (const folder of from) {
    const copied = await store.merge(new StageStore(join(folder, 'stages')))
    onEvent({ type: 'message', message: `${copied} stages taken from ${folder}` })
  }
  const swept = await runSweeps(config, { sources, store, run: async () => {} })
  const plan = planStudy(swept.config, await sources.inputs(swept.config))
  const missing = [...plan.stages.values()].filter(({ key }) => !store.isFinished(key))
  if (missing.length === plan.stages.size) {
    throw new InvalidConfiguration(
      '--merge',
      'none of the stages of this configuration is there; name the folders of its shards',
    )
  }
  for (const { name } of missing) onEvent({ type: 'warning', message: `${name} is in none of the folders` })
  const context = new StudyContext(swept.config, plan.stages, data, sources, store)
  return { ...(await report(options, context, plan, swept.sweeps)), complete: missing.length === 0 }
}

export interface PlanSummary {
  /** of all sweeps together; what they choose decides the rest */
  readonly trials: number
  readonly groups: number
  readonly models: readonly string[]
  readonly stages: readonly {
    readonly name: string
    readonly kind: Stage['kind']
    readonly group?: number
    readonly done: boolean
  }[]
}

/** What a run would do. Where there are sweeps, the stages of trials come first and those of the study as configured after. */
export async function describeStudy(
  options: StudyOptions & { readonly shard?: Shard | undefined },
): Promise<PlanSummary> {
  const { config, shard } = options
  const { sources, store } = await openStudy(options)
  const plan = planStudy(config, await sources.inputs(config))
  if (shard) checkShard(shard, plan.groups.length)
  const stages = new Map<string, Stage>()
  let trials = 0
  for (const sweep of config.sweep) {
    for (const trial of await plannedTrials(config, sweep, sources)) {
      trials++
      for (const stage of trial.stages) stages.set(stage.key, stage)
    }
  }
  for (const stage of shard ? stagesOfShard(plan, shard) : plan.stages.values()) stages.set(stage.key, stage)
  return {
    trials,
    groups: plan.groups.length,
    models: plan.models.map(({ name }) => name),
    stages: [...stages.values()].map(({ key, name, kind, group }) => {
      return { name, kind, ...(group !== undefined && { group }), done: store.isFinished(key) }
    }),
  }
}

export async function openStudy({ config, dataPath, outFolder, cacheFolder }: Omit<StudyOptions, 'onEvent'>) {
  const data = await readStudyData(config, dataPath)
  const sources = new StudySources(data, join(outFolder, 'tokenizers'), cacheFolder)
  return { data, sources, store: new StageStore(join(outFolder, 'stages')) }
}

/** Trials share stages: each is run once, by the first that wants it. */
function stagesOfTrials(
  trials: readonly PlannedTrial[],
  contextOf: (config: StudyConfig, plan: StudyPlan) => StageContext,
): WantedStage[] {
  const wanted = new Map<string, WantedStage>()
  for (const { config, plan, stages } of trials) {
    const context = contextOf(config, plan)
    for (const stage of stages) if (!wanted.has(stage.key)) wanted.set(stage.key, { stage, context })
  }
  return [...wanted.values()]
}

function stagesOfShard({ stages }: StudyPlan, shard: Shard): Stage[] {
  const all = [...stages.values()]
  const needed = new Set(all.flatMap(({ dependsOn }) => dependsOn))
  return all.filter(({ key, group }) => isMine(shard, group, needed.has(key)))
}

async function report(
  { outFolder, versions, onEvent }: Pick<RunStudyOptions, 'outFolder' | 'versions' | 'onEvent'>,
  context: StudyContext,
  plan: StudyPlan,
  sweeps: StudyResults['sweeps'],
): Promise<{ results: StudyResults; files: readonly string[] }> {
  await writeJson(join(outFolder, 'config.json'), publishable(context.config))
  const results = await studyResults(context, { plan, sweeps, versions })
  for (const message of results.warnings) onEvent({ type: 'warning', message })
  return { results, files: await writeReport(outFolder, results) }
}

function announce({ dataset, audit }: StudyData, onEvent: OnEvent): void {
  const { folds, train, validation, test } = audit.split
  const size = (examples: number) => (Number.isInteger(examples) ? examples : examples.toFixed(1))
  const how = folds > 1 ? `${folds} folds of` : `${audit.split.method} split:`
  for (const message of [...audit.leaks, ...audit.warnings]) onEvent({ type: 'warning', message })
  onEvent({
    type: 'message',
    message: `${dataset.examples.length} of ${dataset.rows} rows, ${dataset.labels.length} labels; ${how} ${size(train)} / ${size(validation)} / ${size(test)}`,
  })
}

/** Whatever is taken otherwise than asked for, and temperatures and compressions that disappoint, before hours are spent. */
function warnAhead({ models, stages, warnings }: StudyPlan, onEvent: OnEvent): void {
  for (const message of warnings) onEvent({ type: 'warning', message })
  const fitOf = ({ runs }: PlannedModel) => stages.get(runs[0]!.stage) as FitStage
  const teacher = fitOf(models[0]!)
  for (const model of models) {
    for (const message of modelWarnings({ model, fit: fitOf(model), teacher })) onEvent({ type: 'warning', message })
  }
}

/** Every shard tells its own story. */
function recorded({ outFolder, onEvent }: StudyOptions, shard: Shard | undefined): OnEvent {
  const file = join(outFolder, shard ? `events-${shard.index}.ndjson` : 'events.ndjson')

  return (event) => {
    appendLine(file, JSON.stringify({ at: new Date().toISOString(), ...eventRecord(event) }))
    onEvent(event)
  }
}
