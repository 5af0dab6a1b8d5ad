import { studentStart, type TeacherStart } from './base-model.js'
import type { TrainFamilyOptions } from './run.js'
import { studentLoss } from './student-loss.js'
import { compressionWarning, temperatureWarning } from './warnings.js'

/**
 * Whatever a student's training would refuse is refused before hours go into its teacher: where it starts, labels, tokenizer,
 * layer maps, relation heads. Warnings are given now too.
 * @param teacher as it starts: its sizes are those that it will have
 * @param labelNames in the order of the logits
 * @throws what studentStart and studentLoss throw
 */
export async function checkStudents(
  { config: { students, seed }, cacheFolder, onEvent }: TrainFamilyOptions,
  teacher: TeacherStart,
  labelNames: readonly string[],
): Promise<void> {
  const { tokenizerJson } = teacher
  for (const student of students) {
    const { config } = await studentStart(student, teacher, { seed, cacheFolder, tokenizerJson, labelNames })
    studentLoss(student.losses, config, teacher)
    const stage = `students.${student.tier}`
    for (const message of [
      temperatureWarning(stage, student.losses),
      compressionWarning(stage, config, teacher.config),
    ]) {
      if (message !== undefined) onEvent({ type: 'warning', message })
    }
  }
}
