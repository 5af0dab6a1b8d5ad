import { vanillaDistillation } from '../losses/vanilla-distillation.js'
import { studentStart } from './base-model.js'
import type { StudentConfig } from './config.js'
import { fitModel } from './fit-model.js'
import type { FinishedModel, Run } from './run.js'

/** @param teacherLogits the teacher's, on the training examples */
export async function fitStudent(
  run: Run,
  student: StudentConfig,
  teacher: FinishedModel,
  teacherLogits: readonly Float32Array[],
): Promise<FinishedModel> {
  const { seed } = run.config
  const source = { config: teacher.config, parameters: teacher.trained.parameters }
  const start = await studentStart(student, source, { seed, cacheFolder: run.cacheFolder })
  const { soft_weight: softWeight, hard_weight: hardWeight, temperature } = student
  return fitModel(run, student.tier, start, student, {
    loss: vanillaDistillation({ softWeight, hardWeight, temperature }),
    method: `vanilla distillation (soft ${round(softWeight)}, hard ${round(hardWeight)}, temperature ${temperature})`,
    seed,
    teacherLogits,
  })
}

/** 1 − alpha leaves rounding noise that no one wants to read. */
function round(weight: number): number {
  return Math.round(weight * 1000) / 1000
}
