import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TierName } from '../../src/family/family-schema.js'
import { majorityBaseline } from '../evaluation/quality.js'
import type { TierExport } from '../export/export-family.js'
import { trainedLogits } from './fit-model.js'
import { measureTier, type TierMeasurement } from './measure-tier.js'
import type { FinishedModel, Run } from './run.js'
import { teacherWarning } from './warnings.js'

/** Measures a tier on the files that it will be served from, and tells. */
export async function measureStage(
  run: Run,
  stage: TierName,
  model: FinishedModel,
  precision: TierExport['precision'],
  teacher?: TierMeasurement,
): Promise<TierMeasurement> {
  const folder = join(run.runFolder, stage, 'export')
  const measured = await measureTier({
    stage,
    folder,
    model: { config: model.config, parameters: model.trained.parameters },
    precision,
    tokenizer: run.tokenizer,
    maxTokens: run.maxTokens,
    windowOverlap: run.config.window_overlap,
    validation: run.sides.validation,
    test: run.sides.test,
    validationLogits: await trainedLogits(run, model, run.sides.validation.sequences),
    teacherProbabilities: teacher?.testProbabilities,
    bootstrapResamples: run.config.bootstrap_resamples,
    onEvent: run.onEvent,
  })
  await rm(folder, { recursive: true, force: true })
  const { accuracy, auc, nll } = measured.quality
  run.onEvent({
    type: 'stage',
    stage,
    state: 'finished',
    detail: `test accuracy ${percent(accuracy)}, AUC ${auc.value.toFixed(3)}, NLL ${nll.value.toFixed(3)}, ${measured.precision}`,
  })
  return measured
}

/** What a tier's entry in the manifest says. */
export function tierExport(tier: TierName, model: FinishedModel, measured: TierMeasurement): TierExport {
  const { trained, config, architecture, initialisation, method, seed } = model
  const { testProbabilities: _, ...figures } = measured
  return {
    tier,
    architecture,
    config,
    parameters: trained.parameters,
    ...figures,
    training: {
      method,
      initialisation,
      epochs: trained.history.length,
      steps: trained.steps,
      seed,
      bestEpoch: trained.bestEpoch,
      history: [...trained.history],
    },
  }
}

export function warnAboutTeacher(run: Run, { quality }: TierMeasurement): void {
  const { accuracy } = majorityBaseline(run.sides.train.labels, run.sides.test.labels, run.data.dataset.labels)
  const message = teacherWarning('test', quality.accuracy, accuracy)
  if (message !== undefined) run.onEvent({ type: 'warning', message })
}

function percent({ value, low, high }: { value: number; low: number; high: number }): string {
  return `${(100 * value).toFixed(1)}% [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`
}
