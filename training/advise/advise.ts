/**
 * Which training approach fits a project: the decision rules of the distillation study, as a function. The first rule that
 * applies decides, in this order: priority (accuracy, speed, flexibility), then compute, then rows, then the default.
 */

export const PRIORITIES = ['maximum_accuracy', 'deployment_speed', 'flexibility', 'balanced'] as const
export type Priority = (typeof PRIORITIES)[number]

export const COMPUTE_LEVELS = ['limited', 'moderate', 'plenty'] as const
export type Compute = (typeof COMPUTE_LEVELS)[number]

export type Approach =
  | 'fine_tune_large_model'
  | 'fine_tune_small_model'
  | 'distil_to_small_model'
  | 'fine_tune_teacher_then_distil_multiple_sizes'
  | 'fine_tune_only'

/** From this drop on, in points of accuracy, a small model need not be distilled. */
export const EASY_DROP_POINTS = 3
/** With fewer labelled rows, a teacher has too little to learn that a student could take over. */
export const FEWEST_ROWS = 1000

export interface Project {
  readonly priority: Priority
  /** points of accuracy that may be lost to a smaller model; unknown counts as less than 3 */
  readonly acceptableAccuracyDrop?: number | undefined
  readonly compute: Compute
  /** labelled examples; unknown counts as enough */
  readonly rows?: number | undefined
}

export interface Advice {
  readonly approach: Approach
  /** sentences: the rule that decided first, then what to keep in mind */
  readonly reasons: readonly string[]
}

export function advise(project: Project): Advice {
  const { approach, reason, distils } = decide(project)
  return { approach, reasons: [reason, ...(distils ? cautions(project) : [])] }
}

interface Decision {
  readonly approach: Approach
  readonly reason: string
  readonly distils: boolean
}

function decide({ priority, acceptableAccuracyDrop: drop, compute, rows }: Project): Decision {
  if (priority === 'maximum_accuracy') {
    const reason = 'Accuracy comes first: no student is expected to beat the large model that it learns from.'
    return { approach: 'fine_tune_large_model', reason, distils: false }
  }
  if (priority === 'deployment_speed') {
    if (drop !== undefined && drop >= EASY_DROP_POINTS) {
      const reason = `Speed comes first and a drop of ${points(drop)} is fine: from ${EASY_DROP_POINTS} points on, fine-tuning a small model directly is enough and needs no teacher.`
      return { approach: 'fine_tune_small_model', reason, distils: false }
    }
    const allowed = drop === undefined ? 'no drop is named' : `only ${points(drop)} may be lost`
    const reason = `Speed comes first and ${allowed}, less than ${EASY_DROP_POINTS}: a distilled small model keeps the most of the large one's accuracy.`
    return { approach: 'distil_to_small_model', reason, distils: true }
  }
  if (priority === 'flexibility') {
    const reason = 'Flexibility comes first: one teacher and several students leave the choice of size to deployment.'
    return { approach: 'fine_tune_teacher_then_distil_multiple_sizes', reason, distils: true }
  }
  if (compute === 'limited') {
    const reason =
      'Compute is limited: distilling costs a teacher, its outputs and a student; fine-tuning costs one model.'
    return { approach: 'fine_tune_only', reason, distils: false }
  }
  if (rows !== undefined && rows < FEWEST_ROWS) {
    const reason = `${rows.toLocaleString('en')} rows are fewer than ${FEWEST_ROWS.toLocaleString('en')}: the teacher would have little to pass on.`
    return { approach: 'fine_tune_only', reason, distils: false }
  }
  const reason = 'Nothing speaks against it: distilling balances accuracy and speed.'
  return { approach: 'distil_to_small_model', reason, distils: true }
}

/** What would have decided otherwise, had the priority not come first. */
function cautions({ compute, rows }: Project): string[] {
  const found: string[] = []
  if (compute === 'limited') {
    found.push(
      'Compute is limited, which without this priority would have meant fine-tuning only: plan for the teacher.',
    )
  }
  if (rows !== undefined && rows < FEWEST_ROWS) {
    found.push(
      `With ${rows.toLocaleString('en')} rows, expect little from distilling: compare the student with a fine-tuned control over several seeds.`,
    )
  }
  return found
}

function points(drop: number): string {
  return `${drop} ${drop === 1 ? 'point' : 'points'}`
}
