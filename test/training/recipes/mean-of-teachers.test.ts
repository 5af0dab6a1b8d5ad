import assert from 'node:assert/strict'
import { test } from 'node:test'
import { softmax } from '../../../src/family/softmax.js'
import { assertSameLabels, labelConfidences, meanOfTeachers } from '../../../training/recipes/mean-of-teachers.js'

const TEACHERS = [[Float32Array.of(2, -1, 0.5)], [Float32Array.of(-3, 1, 1)]]

test('the mean of several teachers has, at its temperature, the weighted mean of their probabilities', () => {
  const [mean] = meanOfTeachers(TEACHERS, 2, [3, 1])
  const expected = [0, 1, 2].map(
    (label) => 0.75 * softmax(TEACHERS[0]![0]!, 2)[label]! + 0.25 * softmax(TEACHERS[1]![0]!, 2)[label]!,
  )
  softmax(mean!, 2).forEach((probability, label) => {
    assert.ok(Math.abs(probability - expected[label]!) < 1e-6)
  })
})

test('one teacher alone stays itself, and teachers of different examples are refused', () => {
  const [mean] = meanOfTeachers([TEACHERS[0]!], 2)
  softmax(mean!).forEach((probability, label) => {
    assert.ok(Math.abs(probability - softmax(TEACHERS[0]![0]!)[label]!) < 1e-6)
  })
  assert.throws(() => meanOfTeachers([TEACHERS[0]!, []], 2), { code: 'SHAPE_MISMATCH' })
  assert.throws(() => meanOfTeachers([], 2), { code: 'SHAPE_MISMATCH' })
  assert.throws(() => meanOfTeachers([...TEACHERS, [Float32Array.of(1, 2)]], 2), { code: 'SHAPE_MISMATCH' })
})

test('weights that are negative, all 0, or too few are refused', () => {
  for (const weights of [[1, -1], [0, 0], [Number.NaN, 1], [1]]) {
    assert.throws(() => meanOfTeachers(TEACHERS, 2, weights), { code: 'INVALID_CONFIGURATION' }, String(weights))
  }
})

test('a teacher that is surer of the true label weighs more in that example', () => {
  const probability = (teacher: number, label: number) => softmax(TEACHERS[teacher]![0]!)[label]!
  const [first, second] = labelConfidences(TEACHERS, [0])
  // with two teachers, (1 - 1/p / (1/p + 1/q)) is p / (p + q)
  const expected = probability(0, 0) / (probability(0, 0) + probability(1, 0))
  assert.ok(Math.abs(first![0]! - expected) < 1e-12)
  assert.ok(Math.abs(second![0]! - (1 - expected)) < 1e-12)
  const [mean] = meanOfTeachers(TEACHERS, 1, [1, 3], [first!, second!])
  const [w, v] = [first![0]!, 3 * second![0]!]
  const expectedMean = (w * probability(0, 1) + v * probability(1, 1)) / (w + v)
  assert.ok(Math.abs(softmax(mean!)[1]! - expectedMean) < 1e-6)
  assert.deepEqual(labelConfidences([TEACHERS[0]!], [2]), [[1]])
})

test('models whose labels differ or come in another order are refused with both orders', () => {
  const yesNo = { name: 'the teacher', labels: ['no', 'yes'] }
  assertSameLabels([yesNo, { name: 'a student', labels: ['no', 'yes'] }])
  assert.throws(() => assertSameLabels([yesNo, { name: 'teacher "b"', labels: ['yes', 'no'] }]), {
    code: 'SHAPE_MISMATCH',
    message: /the teacher are \["no", "yes"\], those of teacher "b" \["yes", "no"\]/,
  })
})
