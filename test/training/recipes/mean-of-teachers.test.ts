import assert from 'node:assert/strict'
import { test } from 'node:test'
import { softmax } from '../../../src/family/softmax.js'
import { meanOfTeachers } from '../../../training/recipes/mean-of-teachers.js'

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
})
