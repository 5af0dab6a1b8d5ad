import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quantile } from '../../../training/evaluation/bootstrap.js'
import { softmaxRows } from '../../../training/evaluation/softmax.js'
import { compareWithTeacher } from '../../../training/evaluation/teacher-comparison.js'
import { golden } from './golden.js'

for (const { name, logits, teacherLogits, agreement, divergence } of golden.cases) {
  test(`agreement and KL(teacher ‖ student) equal SciPy's: ${name}`, () => {
    const compared = compareWithTeacher({ teacher: softmaxRows(teacherLogits), student: softmaxRows(logits) })
    assert.ok(Math.abs(compared.agreement.value - agreement) < 1e-12)
    assert.ok(Math.abs(compared.divergence.value - divergence) < 1e-9)
    assert.ok(compared.divergence.low < divergence && divergence < compared.divergence.high)
  })
}

test('a student that is its teacher agrees always and diverges by nothing', () => {
  const teacher = softmaxRows(golden.cases[2]!.logits)
  const { agreement, divergence } = compareWithTeacher({ teacher, student: teacher })
  assert.deepEqual(agreement, { value: 1, low: 1, high: 1 })
  assert.deepEqual(divergence, { value: 0, low: 0, high: 0 })
})

test('a class that the teacher excludes adds nothing, one that the student excludes a finite penalty', () => {
  const { divergence } = compareWithTeacher({ teacher: [[0, 1]], student: [[1, 0]] })
  assert.ok(Number.isFinite(divergence.value) && divergence.value > 30)
})

test('predictions of different shapes are refused', () => {
  assert.throws(() => compareWithTeacher({ teacher: [[1, 0]], student: [] }), { code: 'SHAPE_MISMATCH' })
  assert.throws(() => compareWithTeacher({ teacher: [[1, 0]], student: [[1, 0, 0]] }), { code: 'SHAPE_MISMATCH' })
})

test("quantiles interpolate as NumPy's do", () => {
  const { sample, values } = golden.quantiles
  for (const [share, expected] of Object.entries(values)) {
    assert.ok(Math.abs(quantile(sample, Number(share)) - expected) < 1e-12, share)
  }
})
