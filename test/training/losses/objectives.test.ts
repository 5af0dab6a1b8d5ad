import assert from 'node:assert/strict'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { crossEntropy } from '../../../training/losses/cross-entropy.js'
import { hardTargets } from '../../../training/losses/hard-targets.js'
import { softTargetLoss } from '../../../training/losses/soft-target.js'
import { vanillaDistillation } from '../../../training/losses/vanilla-distillation.js'

await tf.setBackend('cpu')

const logits = tf.tensor2d([
  [0.2, -1],
  [1, 0.5],
])
const batch = {
  labels: tf.tensor1d([1, 0], 'int32'),
  teacherLogits: tf.tensor2d([
    [2, -2],
    [0.1, 1],
  ]),
}
const inputs = { outputs: { logits, pooled: logits }, batch, frozen: {}, parameters: {} }
const scalar = (tensor: tf.Tensor) => tensor.dataSync()[0]!
const hard = scalar(crossEntropy(logits, batch.labels))
const soft = scalar(softTargetLoss(logits, batch.teacherLogits, 4))

test('fine-tuning minimises the cross-entropy alone', () => {
  const { total, parts } = hardTargets().compute(inputs)
  assert.equal(scalar(total), hard)
  assert.deepEqual(Object.keys(parts), ['hard'])
})

test('vanilla distillation minimises the weighted sum and reports its unweighted parts', () => {
  const { total, parts } = vanillaDistillation({ softWeight: 0.7, hardWeight: 0.3, temperature: 4 }).compute(inputs)
  assert.ok(Math.abs(scalar(total) - (0.7 * soft + 0.3 * hard)) < 1e-6)
  assert.equal(scalar(parts.soft!), soft)
  assert.equal(scalar(parts.hard!), hard)
})

test('a term of weight 0 needs no field in the batch', () => {
  const { teacherLogits } = batch
  const unlabelled = vanillaDistillation({ softWeight: 1, hardWeight: 0, temperature: 4 })
  const { total, parts } = unlabelled.compute({ ...inputs, batch: { teacherLogits } })
  assert.equal(scalar(total), soft)
  assert.deepEqual(Object.keys(parts), ['soft'])
  const both = vanillaDistillation({ softWeight: 1, hardWeight: 1, temperature: 4 })
  assert.throws(() => both.compute({ ...inputs, batch: { teacherLogits } }), /needs the batch field "labels"/)
})

test('weights out of range, or none, are refused by name', () => {
  const weights = (softWeight: number, hardWeight: number) => () =>
    vanillaDistillation({ softWeight, hardWeight, temperature: 2 })
  assert.throws(weights(1.5, 0), /soft_weight: 1.5 is not in \[0, 1\]/)
  assert.throws(weights(1, Number.NaN), /hard_weight: NaN/)
  assert.throws(weights(0, 0), /both 0/)
})
