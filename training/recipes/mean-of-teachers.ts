import { InvalidConfiguration, ShapeMismatch } from '../../src/errors.js'
import { softmax } from '../../src/family/softmax.js'

/**
 * Several teachers as one: logits whose softmax at this temperature is the weighted mean of the teachers' probabilities at
 * it, T · ln Σ w · softmax(z / T).
 * @param teachers logits, [teachers][examples][labels]
 * @param weights one a teacher, scaled to sum to 1; equal unless told otherwise
 * @param confidences a factor to its teacher's weight for every example, [teachers][examples]; see labelConfidences
 * @throws ShapeMismatch when the teachers answer different numbers of examples or labels, or there is none
 * @throws InvalidConfiguration when a weight is negative or no number, or they are all 0
 */
export function meanOfTeachers(
  teachers: readonly (readonly Float32Array[])[],
  temperature: number,
  weights: readonly number[] = teachers.map(() => 1),
  confidences?: readonly (readonly number[])[],
): Float32Array[] {
  const examples = teachers[0]?.length
  if (examples === undefined || teachers.some((logits) => logits.length !== examples)) {
    throw new ShapeMismatch('teachers must be at least one, and answer the same examples')
  }
  if (weights.length !== teachers.length) {
    throw new InvalidConfiguration(
      'teacher weights',
      `${weights.length} for ${teachers.length} teachers; give one each`,
    )
  }
  return Array.from({ length: examples }, (_, example) => {
    const labels = teachers[0]![example]!.length
    const shares = normalised(weights.map((weight, teacher) => weight * (confidences?.[teacher]?.[example] ?? 1)))
    const mean = new Float64Array(labels)
    for (const [teacher, logits] of teachers.entries()) {
      if (logits[example]!.length !== labels) throw new ShapeMismatch('teachers must answer with the same labels')
      const probabilities = softmax(logits[example]!, temperature)
      for (const [label, probability] of probabilities.entries()) mean[label]! += shares[teacher]! * probability
    }
    // the smallest float64 keeps the logarithm finite where every teacher underflows to 0
    return Float32Array.from(mean, (probability) => temperature * Math.log(Math.max(probability, 1e-300)))
  })
}

/**
 * How far each teacher is to be trusted with each training example: with pₖ its probability of the true label and K
 * teachers, (1 − pₖ⁻¹ / Σⱼ pⱼ⁻¹) / (K − 1). The factors of an example sum to 1.
 * @param teachers logits, [teachers][examples][labels]
 * @param labels class of every example
 * @returns [teachers][examples]
 * @see Zhang et al. 2022, Confidence-Aware Multi-Teacher Knowledge Distillation, equation 2
 */
export function labelConfidences(
  teachers: readonly (readonly Float32Array[])[],
  labels: readonly number[],
): readonly (readonly number[])[] {
  if (teachers.length === 1) return [labels.map(() => 1)]
  const inverse = teachers.map((logits) => logits.map((row, i) => 1 / Math.max(softmax(row)[labels[i]!]!, 1e-12)))
  const sums = labels.map((_, i) => inverse.reduce((sum, teacher) => sum + teacher[i]!, 0))
  return inverse.map((teacher) => teacher.map((value, i) => (1 - value / sums[i]!) / (teachers.length - 1)))
}

/**
 * Logits can only be averaged or imitated where they mean the same labels in the same order.
 * @throws ShapeMismatch naming the first model that differs, and both orders
 */
export function assertSameLabels(models: readonly { readonly name: string; readonly labels: readonly string[] }[]) {
  const [first, ...rest] = models
  for (const { name, labels } of rest) {
    if (JSON.stringify(labels) === JSON.stringify(first!.labels)) continue
    throw new ShapeMismatch(
      `the labels of ${first!.name} are ${listed(first!.labels)}, those of ${name} ${listed(labels)}; ` +
        'both need the same labels in the same order: train one of them again on the data of the other',
    )
  }
}

function listed(labels: readonly string[]): string {
  return `[${labels.map((label) => `"${label}"`).join(', ')}]`
}

function normalised(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (!(Number.isFinite(total) && total > 0 && weights.every((weight) => weight >= 0))) {
    throw new InvalidConfiguration('teacher weights', `${weights.join(', ')}: none may be negative, nor all of them 0`)
  }
  return weights.map((weight) => weight / total)
}
