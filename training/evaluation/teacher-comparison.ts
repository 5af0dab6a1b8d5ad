import { ShapeMismatch } from '../../src/errors.js'
import type { Estimate } from '../../src/family/family-schema.js'
import { argmax } from '../../src/family/softmax.js'
import { type BootstrapOptions, bootstrapEstimates } from './bootstrap.js'
import { LEAST_PROBABILITY } from './proper-scores.js'
import { meanOf } from './sample.js'
import type { ClassRows } from './softmax.js'

export interface TeacherComparison {
  /** share of examples whose most likely class is the teacher's */
  readonly agreement: Estimate
  /** mean KL(teacher ‖ student), nats */
  readonly divergence: Estimate
}

/**
 * How far a student's predictions are from its teacher's, with 95% bootstrap intervals over examples.
 * @param teacher probabilities, [examples, labels]
 * @param student probabilities, [examples, labels], classes in the same order
 * @throws ShapeMismatch when the two differ in shape
 */
export function compareWithTeacher({
  teacher,
  student,
  bootstrap,
}: {
  teacher: ClassRows
  student: ClassRows
  bootstrap?: BootstrapOptions | undefined
}): TeacherComparison {
  if (teacher.length !== student.length || teacher.length === 0) {
    throw new ShapeMismatch(`${teacher.length} predictions of the teacher, ${student.length} of the student`)
  }
  const agrees = teacher.map((row, i) => (argmax(row) === argmax(student[i]!) ? 1 : 0))
  const divergences = teacher.map((row, i) => divergence(row, student[i]!))
  return bootstrapEstimates({ agreement: meanOf(agrees), divergence: meanOf(divergences) }, teacher.length, bootstrap)
}

/** KL(p ‖ q) = Σ p · ln(p / q), nats; 0 · ln 0 is 0. */
export function divergence(p: ArrayLike<number>, q: ArrayLike<number>): number {
  if (p.length !== q.length) throw new ShapeMismatch(`${p.length} classes of the teacher, ${q.length} of the student`)
  let sum = 0
  for (let i = 0; i < p.length; i++) {
    if (p[i]! > 0) sum += p[i]! * (Math.log(p[i]!) - Math.log(Math.max(q[i]!, LEAST_PROBABILITY)))
  }
  return Math.max(0, sum)
}
