import { parameterCount } from '../../src/family/parameters.js'
import { pooledQuality, pooledReliability, pooledTeacherComparison, seedFigures } from '../evaluation/seed-means.js'
import { compressionWarning, temperatureWarning } from '../recipes/warnings.js'
import type { Answers, RunAnswers, SeedAnswers } from './model-answers.js'
import type { Latency, ModelResult } from './results.js'
import type { FitStage, PlannedModel } from './stages.js'
import { describeStart } from './starting-weights.js'

export interface ModelFacts {
  readonly model: PlannedModel
  /** of its first run */
  readonly fit: FitStage
  /** of the study's first teacher */
  readonly teacher: FitStage
  /** of which every fold is there; at least one */
  readonly seeds: readonly SeedAnswers[]
  /** true class of every tested case */
  readonly labels: readonly number[]
  /** `test` or `out-of-fold` */
  readonly split: string
  readonly latency: readonly Latency[]
  readonly resamples: number
}

/** Everything that the report says of a model, attributions aside. */
export async function modelResult(facts: ModelFacts, answers: Answers): Promise<ModelResult> {
  const { model, fit, teacher, seeds, labels, split, latency, resamples } = facts
  const { name, kind, method, teacher: teacherName, control } = model
  const { encoder } = fit
  const bootstrap = { resamples }
  const quality = (of: 'calibrated' | 'uncalibrated') =>
    pooledQuality({ seeds: seeds.map((seed) => seed[of]), labels, split, bootstrap })
  const runs = seeds.flatMap((seed) => seed.runs)
  const trainingSeconds = runs.reduce((sum, { result }) => sum + result.seconds, 0)
  const rate = runs.reduce((sum, { result }) => sum + result.sequencesPerSecond, 0) / runs.length
  const comparison = await withReferences(seeds, answers, bootstrap)
  return {
    name,
    kind,
    architecture: `${encoder.layers}x${encoder.hiddenSize}`,
    layers: encoder.layers,
    hiddenSize: encoder.hiddenSize,
    parameters: parameterCount(encoder),
    compression: parameterCount(teacher.encoder) / parameterCount(encoder),
    start: describeStart(fit.start),
    method,
    ...(teacherName !== undefined && { teacher: teacherName }),
    ...(control !== undefined && { control }),
    seeds: seeds.map(({ seed, calibrated }) => ({ seed, figures: seedFigures(calibrated, labels) })),
    quality: quality('calibrated'),
    uncalibrated: quality('uncalibrated'),
    temperatures: runs.map(({ run: { seed, fold }, temperature }) => ({ seed, fold, temperature })),
    reliability: {
      before: pooledReliability(
        seeds.map(({ uncalibrated }) => uncalibrated),
        labels,
      ),
      after: pooledReliability(
        seeds.map(({ calibrated }) => calibrated),
        labels,
      ),
    },
    ...comparison,
    curves: runs.map(({ run: { seed, fold }, result: { bestEpoch, history } }) => ({
      seed,
      fold,
      bestEpoch,
      epochs: history.map(({ epoch, trainLoss, validationNll, validationAccuracy }) => ({
        epoch,
        trainLoss,
        validationNll,
        validationAccuracy,
      })),
    })),
    trainingSeconds,
    sequencesPerSecond: rate,
    latency: [...latency],
    warnings: [...modelWarnings(facts), ...partingWarnings(runs)],
  }
}

async function withReferences(
  seeds: readonly SeedAnswers[],
  answers: Answers,
  bootstrap: { resamples: number },
): Promise<Pick<ModelResult, 'agreement' | 'klFromTeacher'>> {
  const teachers = await Promise.all(seeds.map((seed) => answers.references(seed)))
  if (teachers.some((teacher) => teacher === undefined)) return {}
  const students = seeds.map(({ calibrated }) => calibrated)
  const { agreement, divergence } = pooledTeacherComparison({
    teachers: teachers as Float64Array[][],
    students,
    bootstrap,
  })
  return { agreement, klFromTeacher: divergence }
}

/** What can be said of a model before it is trained. */
export function modelWarnings({ model, fit, teacher }: Pick<ModelFacts, 'model' | 'fit' | 'teacher'>): string[] {
  if (model.kind === 'teacher') return []
  const found = [
    temperatureWarning(model.name, fit.losses),
    compressionWarning(model.name, fit.encoder, teacher.encoder),
  ]
  return found.filter((warning) => warning !== undefined)
}

/** One sentence, however many trainings it is true of. */
function partingWarnings(runs: readonly RunAnswers[]): string[] {
  const parting = runs.flatMap(({ result }) => result.warnings)
  if (parting.length < 2) return parting
  return [`${parting[0]} (so in ${parting.length} of ${runs.length} trainings)`]
}
