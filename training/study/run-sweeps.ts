/** Sweeps: trials are studies of one fold with one value or several changed; the best by validation NLL goes on. */
import { InvalidConfiguration } from '../../src/errors.js'
import { withValue } from './config-path.js'
import { planStudy } from './plan.js'
import type { StudyResults } from './results.js'
import type { FitResult } from './run-fit.js'
import type { StageStore } from './stage-store.js'
import type { Stage, StudyPlan } from './stages.js'
import { parseStudyConfig } from './study-config.js'
import type { StudyConfig, SweepConfig } from './study-schema.js'
import type { StudySources } from './study-sources.js'
import { sweepTrials, type Trial } from './sweep-trials.js'

/** What a sweep may not change: trials would answer different questions, or none. */
const FIXED =
  /^(name|description|data|split|folds|seeds|sweep|latency|attribution|bootstrap_resamples|keep_weights)(\.|$)/

export interface PlannedTrial {
  readonly trial: Trial
  readonly config: StudyConfig
  readonly plan: StudyPlan
  /** fits whose mean validation NLL is the trial's */
  readonly objective: readonly string[]
  /** what has to run for them, in order */
  readonly stages: readonly Stage[]
}

export type SweepResult = StudyResults['sweeps'][number]

/**
 * Runs the sweeps of a configuration, one after the other, each with what the ones before it chose.
 * @param run the stages of all trials of a sweep; does nothing where results are only put together
 * @returns the configuration with the chosen values
 */
export async function runSweeps(
  config: StudyConfig,
  {
    sources,
    store,
    run,
  }: { sources: StudySources; store: StageStore; run: (trials: readonly PlannedTrial[]) => Promise<void> },
): Promise<{ config: StudyConfig; sweeps: SweepResult[] }> {
  let current = config
  const sweeps: SweepResult[] = []
  for (const sweep of config.sweep) {
    const trials = await plannedTrials(current, sweep, sources)
    await run(trials)
    const scored = await Promise.all(
      trials.map(async (planned) => ({ ...planned, validationNll: await meanValidationNll(planned.objective, store) })),
    )
    const best = scored
      .filter(({ validationNll }) => validationNll !== undefined)
      .reduce<(typeof scored)[number] | undefined>(
        (least, trial) => (least === undefined || trial.validationNll! < least.validationNll! ? trial : least),
        undefined,
      )
    sweeps.push({
      description: `${sweep.kind === 'grid' ? 'grid' : `random search, seed ${sweep.seed}`}, ${trials.length} of at most ${sweep.budget} trials`,
      trials: scored.map((trial) => ({
        parameters: { ...trial.trial },
        ...(trial.validationNll !== undefined && { validationNll: trial.validationNll }),
        chosen: trial === best,
      })),
    })
    if (best) current = best.config
  }
  return { config: current, sweeps }
}

/** @throws InvalidConfiguration when a trial is no valid configuration, or the parameters change no model */
export async function plannedTrials(
  config: StudyConfig,
  sweep: SweepConfig,
  sources: StudySources,
): Promise<PlannedTrial[]> {
  for (const path of Object.keys(sweep.parameters)) {
    if (FIXED.test(path)) throw new InvalidConfiguration(`sweep.parameters.${path}`, 'trials could not be compared')
  }
  const scope = { seeds: sweep.seeds ?? config.seeds.slice(0, 1), folds: [0] }
  const planned = []
  for (const trial of sweepTrials(sweep)) {
    const changed = Object.entries(trial).reduce((made, [path, value]) => withValue(made, path, value), config)
    const checked = parseStudyConfig(changed, `sweep trial ${JSON.stringify(trial)}`)
    const plan = planStudy(checked, await sources.inputs(checked), scope)
    planned.push({ trial, config: checked, plan })
  }
  const names = sweep.models ?? affectedModels(planned.map(({ plan }) => plan))
  return planned.map(({ trial, config, plan }) => {
    const models = names.map((name) => {
      const model = plan.models.find((candidate) => candidate.name === name)
      if (model) return model
      const known = plan.models.map((candidate) => candidate.name).join(', ')
      throw new InvalidConfiguration('sweep.models', `there is no "${name}"; there are ${known}`)
    })
    const objective = models.flatMap(({ runs }) => runs.map(({ stage }) => stage))
    return { trial, config, plan, objective, stages: withDependencies(objective, plan) }
  })
}

/** Models that are trained differently in some trial; all where there is one trial only. */
function affectedModels(plans: readonly StudyPlan[]): string[] {
  const trainings = (plan: StudyPlan, name: string) =>
    plan.models
      .find((model) => model.name === name)
      ?.runs.map(({ stage }) => stage)
      .join()
  const [first, ...others] = plans
  const names = first!.models.map(({ name }) => name)
  const affected = names.filter((name) => others.some((plan) => trainings(plan, name) !== trainings(first!, name)))
  return affected.length > 0 ? affected : names
}

/** @returns the stages and all that they depend on, in the plan's order */
export function withDependencies(keys: readonly string[], { stages }: Pick<StudyPlan, 'stages'>): Stage[] {
  const needed = new Set<string>()
  const add = (key: string) => {
    if (needed.has(key)) return
    needed.add(key)
    for (const dependency of stages.get(key)!.dependsOn) add(dependency)
  }
  for (const key of keys) add(key)
  return [...stages.values()].filter(({ key }) => needed.has(key))
}

/** @returns undefined where one of them has not finished */
async function meanValidationNll(keys: readonly string[], store: StageStore): Promise<number | undefined> {
  const results = await Promise.all(keys.map((key) => store.result<FitResult>(key)))
  if (results.some((result) => result === undefined)) return undefined
  return results.reduce((sum, result) => sum + result!.validationNll, 0) / results.length
}
