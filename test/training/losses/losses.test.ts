import assert from 'node:assert/strict'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import fc from 'fast-check'
import { crossEntropy } from '../../../training/losses/cross-entropy.js'
import { softTargetLoss } from '../../../training/losses/soft-target.js'
import { logSoftmax, softmaxCrossEntropy } from '../../../training/losses/softmax-cross-entropy.js'
import { finiteDifferences } from '../nn/finite-differences.js'
import { maxDifference } from '../nn/golden.js'

await tf.setBackend('cpu')

// ---- the formulas, in plain double precision -----------------------------------------------------------------------

function softmax(logits: readonly number[], temperature = 1): number[] {
  const exponentials = logits.map((logit) => Math.exp((logit - Math.max(...logits)) / temperature))
  const sum = exponentials.reduce((total, value) => total + value, 0)
  return exponentials.map((value) => value / sum)
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const divergence = (p: readonly number[], q: readonly number[]) =>
  p.reduce((sum, value, index) => sum + (value === 0 ? 0 : value * Math.log(value / q[index]!)), 0)

// ---- examples of 1 to 6 rows and 2 to 5 labels ---------------------------------------------------------------------

const example = fc
  .record({ rows: fc.integer({ min: 1, max: 6 }), classes: fc.integer({ min: 2, max: 5 }) })
  .chain(({ rows, classes }) => {
    const logits = fc.array(
      fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: classes, maxLength: classes }),
      { minLength: rows, maxLength: rows },
    )
    const labels = fc.array(fc.integer({ min: 0, max: classes - 1 }), { minLength: rows, maxLength: rows })
    return fc.record({ student: logits, teacher: logits, labels })
  })
const scalar = (tensor: tf.Scalar) => tensor.dataSync()[0]!
const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-5 * (1 + Math.abs(expected)), `${actual} is not ${expected}`)

test('cross-entropy is the mean of −log p of the true label', () => {
  fc.assert(
    fc.property(example, ({ student, labels }) => {
      const expected = mean(student.map((row, index) => -Math.log(softmax(row)[labels[index]!]!)))
      close(scalar(crossEntropy(tf.tensor2d(student), tf.tensor1d(labels, 'int32'))), expected)
    }),
  )
})

test('label smoothing mixes in the mean of −log p over all labels', () => {
  fc.assert(
    fc.property(example, fc.double({ min: 0, max: 0.9, noNaN: true }), ({ student, labels }, smoothing) => {
      const expected = mean(
        student.map((row, index) => {
          const losses = softmax(row).map((p) => -Math.log(p))
          return (1 - smoothing) * losses[labels[index]!]! + smoothing * mean(losses)
        }),
      )
      close(scalar(crossEntropy(tf.tensor2d(student), tf.tensor1d(labels, 'int32'), smoothing)), expected)
    }),
  )
})

test('the soft-target loss is T² · KL(teacher ‖ student) at temperature T, batch mean', () => {
  fc.assert(
    fc.property(example, fc.double({ min: 1, max: 10, noNaN: true }), ({ student, teacher }, temperature) => {
      const rows = student.map((row, i) => divergence(softmax(teacher[i]!, temperature), softmax(row, temperature)))
      const actual = scalar(softTargetLoss(tf.tensor2d(student), tf.tensor2d(teacher), temperature))
      const expected = temperature ** 2 * mean(rows)
      // T² enlarges the rounding of log-probabilities
      assert.ok(Math.abs(actual - expected) < 1e-6 * temperature ** 2 + 1e-5 * expected, `${actual} is not ${expected}`)
    }),
  )
})

test('the soft-target loss equals torch.nn.functional.kl_div with reduction batchmean', () => {
  // F.kl_div(log_softmax(s / 2.5, -1), softmax(t / 2.5, -1), reduction="batchmean") * 2.5 ** 2, torch 2.13
  const student = tf.tensor2d([
    [0.3, -1.2, 2],
    [1.5, 0.1, -0.4],
  ])
  const teacher = tf.tensor2d([
    [1.1, 0.4, -0.9],
    [2.2, -3, 0.7],
  ])
  close(scalar(softTargetLoss(student, teacher, 2.5)), 1.2902930974960327)
})

test('a student that equals its teacher has no soft-target loss and no gradient', () => {
  const logits = tf.tensor2d([[3, -1, 0.5]])
  const { value, grad } = tf.valueAndGrad((student) => softTargetLoss(student as tf.Tensor2D, logits, 2))(logits)
  assert.ok(Math.abs(value.dataSync()[0]!) < 1e-6)
  assert.ok(maxDifference(grad.dataSync(), [0, 0, 0]) < 1e-6)
})

const logits = tf.randomNormal([4, 3], 0, 1.5, 'float32', 1) as tf.Tensor2D
const teacher = tf.randomNormal([4, 3], 0, 1.5, 'float32', 2) as tf.Tensor2D
const labels = tf.tensor1d([0, 2, 1, 1], 'int32')
const losses: [string, (x: tf.Tensor) => tf.Scalar][] = [
  ['cross-entropy', (x) => crossEntropy(x as tf.Tensor2D, labels)],
  ['smoothed cross-entropy', (x) => crossEntropy(x as tf.Tensor2D, labels, 0.2)],
  ['the soft-target loss', (x) => softTargetLoss(x as tf.Tensor2D, teacher, 3)],
]
for (const [name, loss] of losses) {
  test(`the gradient of ${name} is the one that differences give, at any upstream scale`, () => {
    const gradient = tf
      .grad((x) => tf.mul(loss(x), 5))(logits)
      .dataSync()
    const differences = finiteDifferences((x) => tf.mul(loss(x), 5), logits)
    assert.ok(maxDifference(gradient, differences) < 5e-3)
  })
}

test('the written-out gradient equals that of plain automatic differentiation', () => {
  const targets = tf.softmax(teacher) as tf.Tensor2D
  const plain = (x: tf.Tensor) => tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(x)), -1)))
  const written = (x: tf.Tensor) => softmaxCrossEntropy(x as tf.Tensor2D, targets)
  assert.ok(maxDifference(tf.grad(written)(logits).dataSync(), tf.grad(plain)(logits).dataSync()) < 1e-6)
})

test('enormous logits give finite losses', () => {
  const huge = tf.tensor2d([[1000, -1000]])
  assert.deepEqual([...logSoftmax(huge).dataSync()], [0, -2000])
  close(scalar(crossEntropy(huge, tf.tensor1d([1], 'int32'))), 2000)
  assert.ok(Number.isFinite(scalar(softTargetLoss(huge, tf.neg(huge), 1))))
})

test('what does not fit is refused by name', () => {
  assert.throws(() => crossEntropy(logits, tf.tensor1d([0], 'int32')), { code: 'SHAPE_MISMATCH' })
  assert.throws(() => crossEntropy(logits, labels, 1), /label_smoothing: 1 is not in \[0, 1\)/)
  assert.throws(() => softTargetLoss(logits, tf.zeros([4, 2]), 2), /logits \[4,3\] do not fit targets \[4,2\]/)
  assert.throws(() => softTargetLoss(logits, teacher, 0.5), /temperature: 0.5 is not in \[1, 10\]/)
})
