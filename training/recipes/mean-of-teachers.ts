import { ShapeMismatch } from '../../src/errors.js'
import { softmax } from '../../src/family/softmax.js'

/**
 * Several teachers as one: logits whose softmax at this temperature is the weighted mean of the teachers' probabilities at
 * it, T · ln Σ w · softmax(z / T).
 * @param teachers logits, [teachers][examples][labels]
 * @param weights one a teacher, scaled to sum to 1; equal unless told otherwise
 * @throws ShapeMismatch when the teachers answer different numbers of examples, or there is none
 */
export function meanOfTeachers(
  teachers: readonly (readonly Float32Array[])[],
  temperature: number,
  weights: readonly number[] = teachers.map(() => 1),
): Float32Array[] {
  const examples = teachers[0]?.length
  if (examples === undefined || teachers.some((logits) => logits.length !== examples)) {
    throw new ShapeMismatch('teachers must be at least one, and answer the same examples')
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return Array.from({ length: examples }, (_, example) => {
    const mean = new Float64Array(teachers[0]![example]!.length)
    for (const [teacher, logits] of teachers.entries()) {
      const probabilities = softmax(logits[example]!, temperature)
      for (const [label, probability] of probabilities.entries()) {
        mean[label]! += (weights[teacher]! / total) * probability
      }
    }
    // the smallest float64 keeps the logarithm finite where every teacher underflows to 0
    return Float32Array.from(mean, (probability) => temperature * Math.log(Math.max(probability, 1e-300)))
  })
}
