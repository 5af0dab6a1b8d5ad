import { classesOf } from '../data/dataset.js'
import { softmaxRows } from '../evaluation/softmax.js'
import { fitTemperature } from '../evaluation/temperature.js'
import type { FitResult } from './run-fit.js'
import type { StageStore } from './stage-store.js'
import type { ModelRun } from './stages.js'
import type { StudyData } from './study-data.js'

/** What a training answered on the test side of its fold. */
export interface RunAnswers {
  readonly run: ModelRun
  readonly result: FitResult
  /** fitted on the fold's validation side */
  readonly temperature: number
  /** [examples, labels], in the order of the fold's test side */
  readonly calibrated: readonly Float64Array[]
  readonly uncalibrated: readonly Float64Array[]
}

/** One seed's answers to all cases: those of every fold, one fold after the other. */
export interface SeedAnswers {
  readonly seed: number
  readonly runs: readonly RunAnswers[]
  readonly calibrated: readonly Float64Array[]
  readonly uncalibrated: readonly Float64Array[]
}

/** Reads what finished trainings answered. A training that several ask for is read once. */
export class Answers {
  private readonly read = new Map<string, Promise<Omit<RunAnswers, 'run'> | undefined>>()

  constructor(
    private readonly store: StageStore,
    private readonly data: StudyData,
  ) {}

  /** Classes of all tested cases, in the order of SeedAnswers. */
  labels(): number[] {
    return this.data.folds.flatMap(({ sides }) => classesOf(sides.test, this.data.dataset.labels))
  }

  /** @returns undefined when the training has not finished */
  of(stage: string, fold: number): Promise<Omit<RunAnswers, 'run'> | undefined> {
    const known = this.read.get(stage) ?? this.readRun(stage, fold)
    this.read.set(stage, known)
    return known
  }

  /** @returns the seeds of which every fold is there */
  async seeds(runs: readonly ModelRun[]): Promise<SeedAnswers[]> {
    const seeds = [...new Set(runs.map(({ seed }) => seed))]
    const answers = await Promise.all(
      seeds.map(async (seed) => {
        const own = runs.filter((run) => run.seed === seed).sort((a, b) => a.fold - b.fold)
        const found = await Promise.all(
          own.map(async (run) => {
            const answer = await this.of(run.stage, run.fold)
            return answer && { run, ...answer }
          }),
        )
        if (found.some((answer) => answer === undefined)) return undefined
        const whole = found as RunAnswers[]
        return {
          seed,
          runs: whole,
          calibrated: whole.flatMap(({ calibrated }) => calibrated),
          uncalibrated: whole.flatMap(({ uncalibrated }) => uncalibrated),
        }
      }),
    )
    return answers.filter((answer) => answer !== undefined)
  }

  /** Weighted mean of the calibrated answers of those whom each run is held against. @returns undefined where one is missing */
  async references({ runs }: SeedAnswers): Promise<readonly Float64Array[] | undefined> {
    const cases: Float64Array[] = []
    for (const { run } of runs) {
      const found = await Promise.all(
        run.references.map(async ({ stage, weight }) => ({ answer: await this.of(stage, run.fold), weight })),
      )
      if (found.length === 0 || found.some(({ answer }) => answer === undefined)) return undefined
      const total = found.reduce((sum, { weight }) => sum + weight, 0)
      const [first] = found
      for (const i of first!.answer!.calibrated.keys()) {
        const mean = new Float64Array(first!.answer!.calibrated[i]!.length)
        for (const { answer, weight } of found) {
          for (const [label, p] of answer!.calibrated[i]!.entries()) mean[label]! += (weight / total) * p
        }
        cases.push(mean)
      }
    }
    return cases
  }

  private async readRun(stage: string, fold: number): Promise<Omit<RunAnswers, 'run'> | undefined> {
    const result = await this.store.result<FitResult>(stage)
    if (!result) return undefined
    const { sides } = this.data.folds[fold]!
    const validation = classesOf(sides.validation, this.data.dataset.labels)
    const { temperature } = fitTemperature(await this.store.logits(stage, 'validation'), validation)
    const test = await this.store.logits(stage, 'test')
    return {
      result,
      temperature,
      calibrated: softmaxRows(test, temperature),
      uncalibrated: softmaxRows(test),
    }
  }
}
