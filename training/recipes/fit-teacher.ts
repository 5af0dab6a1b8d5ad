/** The teacher: one fine-tuning, or the distillation of several that differ in their seeds. */
import { hardTargets } from '../losses/hard-targets.js'
import { vanillaDistillation } from '../losses/vanilla-distillation.js'
import type { StartingPoint } from './base-model.js'
import { fitModel, trainedLogits } from './fit-model.js'
import { meanOfTeachers } from './mean-of-teachers.js'
import type { FinishedModel, Run } from './run.js'
import { teacherOutputs } from './teacher-outputs.js'

/**
 * Small data makes fine-tuning unstable: with `members` above 1, as many fine-tunings are made from seeds of their own, and
 * the teacher, started from the same weights as they, learns the mean of their probabilities.
 */
export async function fitTeacher(run: Run, start: StartingPoint): Promise<FinishedModel> {
  const { teacher, seed } = run.config
  const fineTuning = (memberSeed: number) => ({ loss: hardTargets(), method: 'fine-tuning', seed: memberSeed })
  if (teacher.members === 1) return fitModel(run, 'teacher', start, teacher, fineTuning(seed))
  const outputs: Float32Array[][] = []
  for (let member = 1; member <= teacher.members; member++) {
    const stage = `teacher-member-${member}` as const
    const finished = await fitModel(run, stage, start, teacher, fineTuning(seed + member))
    outputs.push(await softTargets(run, stage, finished))
  }
  const { soft_weight: softWeight, hard_weight: hardWeight, temperature } = teacher
  return fitModel(run, 'teacher', start, teacher, {
    loss: vanillaDistillation({ softWeight, hardWeight, temperature }),
    method: `distillation of ${teacher.members} fine-tunings (soft ${softWeight}, hard ${hardWeight}, temperature ${temperature})`,
    seed,
    teacherLogits: meanOfTeachers(outputs, temperature),
  })
}

/** A model's logits on the training examples, computed once and kept beside its checkpoint. */
export function softTargets(run: Run, stage: string, model: FinishedModel): Promise<Float32Array[]> {
  const { data, tokenizerJson, runFolder, sides } = run
  const key = {
    teacher: model.trained.parameters,
    dataSha256: data.dataset.sha256,
    tokenizerJson,
    sequences: sides.train.sequences,
  }
  return teacherOutputs(runFolder, stage, key, () => trainedLogits(run, model, sides.train.sequences))
}
