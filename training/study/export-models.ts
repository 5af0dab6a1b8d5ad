/** Finished models of a study as the tiers of a family: measured on the files that will be served, as `lextier train` does. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidConfiguration } from '../../src/errors.js'
import { TIER_NAMES, type TierName } from '../../src/family/family-schema.js'
import type { Family } from '../../src/family/load-family.js'
import type { Precision } from '../../src/onnx/stored-weights.js'
import { majorityBaseline } from '../evaluation/quality.js'
import { exportFamily, type TierExport } from '../export/export-family.js'
import { tierExport } from '../recipes/measure-stage.js'
import { measureTier, type TierMeasurement } from '../recipes/measure-tier.js'
import { describeLosses } from '../recipes/student-loss.js'
import { writeWhole } from '../write-whole.js'
import { planStudy } from './plan.js'
import type { FitResult } from './run-fit.js'
import { openStudy, type StudyOptions } from './run-study.js'
import { runSweeps } from './run-sweeps.js'
import { StudyContext } from './stage-context.js'
import type { ModelRun, PlannedModel } from './stages.js'
import { describeStart } from './starting-weights.js'
import type { StudyData } from './study-data.js'
import { publishable } from './study-results.js'

/** Tokens shared by neighbouring windows when a longer text is served, at most; `lextier train` has the same. */
const WINDOW_OVERLAP = 64

export interface ExportChoice {
  readonly model: string
  readonly precision: Precision
}

export interface ExportModelsOptions extends StudyOptions {
  readonly choices: ReadonlyMap<TierName, ExportChoice>
  readonly familyFolder: string
  readonly versions: Readonly<Record<string, string>>
}

/** @param text `MODEL=TIER,MODEL=TIER:int8` */
export function parseExports(text: string): Map<TierName, ExportChoice> {
  const choices = new Map<TierName, ExportChoice>()
  for (const part of text.split(',')) {
    const [, model, tier, precision = 'fp16'] = /^(.+)=([a-z]+)(?::(fp16|int8))?$/.exec(part) ?? []
    const known = TIER_NAMES.find((name) => name === tier)
    if (model === undefined || known === undefined || choices.has(known)) {
      const why = `"${part}" is not MODEL=TIER or MODEL=TIER:int8, each tier once; tiers are ${TIER_NAMES.join(', ')}`
      throw new InvalidConfiguration('--export', why)
    }
    choices.set(known, { model, precision: precision as Precision })
  }
  return choices
}

/**
 * Of a model's seeds on the first fold, the one with the lowest validation NLL is taken, whatever it scored on the test.
 * @throws InvalidConfiguration when there is no such model, it has not finished, or models read texts of different lengths
 */
export async function exportModels(options: ExportModelsOptions): Promise<Family> {
  const { config, versions, familyFolder, choices } = options
  const { data, sources, store } = await openStudy(options)
  const swept = await runSweeps(config, { sources, store, run: async () => {} })
  const plan = planStudy(swept.config, await sources.inputs(swept.config))
  const study = new StudyContext(swept.config, plan.stages, data, sources, store)
  const folder = await mkdtemp(join(tmpdir(), 'lextier-export-'))
  try {
    const tiers: TierExport[] = []
    let teacher: TierMeasurement | undefined
    const runs = new Map<TierName, ModelRun>()
    for (const tier of TIER_NAMES) {
      const choice = choices.get(tier)
      if (choice) runs.set(tier, await bestRun(study, modelNamed(plan.models, choice.model)))
    }
    const maxTokens = commonLength([...runs.values()].map(({ stage }) => study.fit(stage).maxTokens))
    const windowOverlap = Math.min(WINDOW_OVERLAP, Math.floor(maxTokens / 2))
    for (const [tier, run] of runs) {
      const made = await tierOf(study, run, { ...options, tier, folder, maxTokens, windowOverlap, teacher })
      if (tier === 'teacher') teacher = made.measured
      tiers.push(made.exported)
    }
    const { train, test } = await study.sides(0, maxTokens)
    const { tokenizerJson } = await study.tokenizer(0)
    const tokenizerFile = join(folder, 'tokenizer.json')
    await writeWhole(tokenizerFile, tokenizerJson)
    return await exportFamily(familyFolder, {
      name: config.name,
      description: config.description,
      labels: [...data.dataset.labels],
      tokenizerFile,
      maxTokens,
      windowOverlap,
      tiers,
      explain: true,
      majority: majorityBaseline(train.labels, test.labels, data.dataset.labels),
      data: dataManifest(data),
      config: publishable(swept.config),
      versions: { ...versions },
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface TierOptions extends ExportModelsOptions {
  readonly tier: TierName
  readonly folder: string
  readonly maxTokens: number
  readonly windowOverlap: number
  readonly teacher: TierMeasurement | undefined
}

async function tierOf(study: StudyContext, run: ModelRun, options: TierOptions) {
  const { tier, folder, maxTokens, windowOverlap, teacher, choices, onEvent, config } = options
  const { store } = study
  const fit = study.fit(run.stage)
  const parameters = await store.parameters(run.stage)
  const { validation, test } = await study.sides(0, maxTokens)
  const measured = await measureTier({
    stage: tier,
    folder: join(folder, tier),
    model: { config: fit.encoder, parameters },
    precision: choices.get(tier)!.precision,
    tokenizer: (await study.tokenizer(0)).tokenizer,
    maxTokens,
    windowOverlap,
    validation,
    test,
    validationLogits: await store.logits(run.stage, 'validation'),
    teacherProbabilities: teacher?.testProbabilities,
    bootstrapResamples: config.bootstrap_resamples,
    onEvent,
  })
  const result = (await store.result<FitResult>(run.stage))!
  const finished = {
    config: fit.encoder,
    parameters,
    initialisation: describeStart(fit.start),
    architecture: `${fit.encoder.layers}x${fit.encoder.hiddenSize}`,
    trained: { ...result, parameters },
    method: describeLosses(fit.losses),
    seed: run.seed,
  }
  return { measured, exported: tierExport(tier, finished, measured) }
}

function modelNamed(models: readonly PlannedModel[], name: string): PlannedModel {
  const found = models.find((model) => model.name === name)
  if (found) return found
  const known = models.map((model) => model.name).join(', ')
  throw new InvalidConfiguration('--export', `there is no model "${name}"; there are ${known}`)
}

async function bestRun({ store }: StudyContext, { name, runs }: PlannedModel): Promise<ModelRun> {
  const candidates = runs.filter(({ fold, stage }) => fold === runs[0]!.fold && store.hasWeights(stage))
  const results = await Promise.all(
    candidates.map(async (run) => ({ run, nll: (await store.result<FitResult>(run.stage))?.validationNll })),
  )
  const [best] = results.filter(({ nll }) => nll !== undefined).sort((a, b) => a.nll! - b.nll!)
  if (best) return best.run
  throw new InvalidConfiguration('--export', `"${name}" has not finished; run the study first`)
}

/** The tiers of a family are served texts cut alike. */
function commonLength(lengths: readonly number[]): number {
  const [first] = lengths
  if (lengths.every((length) => length === first)) return first!
  throw new InvalidConfiguration(
    '--export',
    `the models read texts of ${lengths.join(', ')} tokens; take those of one length`,
  )
}

/** With folds: of the first, which the exported models were trained on. */
function dataManifest({ dataset, folds, audit }: StudyData) {
  const { sides } = folds[0]!
  const { sha256, description, licence, textColumn, labelColumn, rows, skipped, labelCounts, split } = audit
  return {
    sha256,
    description,
    ...(licence !== undefined && { licence }),
    textColumn,
    labelColumn,
    rows,
    skipped,
    split: {
      method: split.method,
      seed: split.seed,
      train: sides.train.length,
      validation: sides.validation.length,
      test: sides.test.length,
    },
    labelCounts,
    warnings: [...dataset.warnings, ...audit.leaks],
  }
}
