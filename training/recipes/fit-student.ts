import { studentStart } from './base-model.js'
import type { StudentConfig } from './config.js'
import { fitModel } from './fit-model.js'
import { needsTeacherLogits } from './losses-config.js'
import type { FinishedModel, Run } from './run.js'
import { describeLosses, studentLoss } from './student-loss.js'

/** @param teacherLogits the teacher's, on the training examples, where there are soft targets */
export async function fitStudent(
  run: Run,
  student: StudentConfig,
  teacher: FinishedModel,
  teacherLogits: readonly Float32Array[] | undefined,
): Promise<FinishedModel> {
  const { seed } = run.config
  const { losses } = student
  const source = { config: teacher.config, parameters: teacher.trained.parameters }
  const start = await studentStart(student, source, {
    seed,
    cacheFolder: run.cacheFolder,
    tokenizerJson: run.tokenizerJson,
    labelNames: run.data.dataset.labels,
  })
  return fitModel(run, student.tier, start, student, {
    loss: studentLoss(losses, start.config, source),
    method: describeLosses(losses),
    seed,
    teacherLogits: needsTeacherLogits(losses) ? teacherLogits : undefined,
  })
}
