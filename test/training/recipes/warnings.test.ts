import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parameterCount } from '../../../src/family/parameters.js'
import {
  compressionWarning,
  partingLossesWarning,
  teacherWarning,
  temperatureWarning,
} from '../../../training/recipes/warnings.js'
import { toyConfig } from '../engine/toy-encoder.js'

test('a temperature above 5 is warned about, unless soft targets weigh nothing', () => {
  const soft = (temperature: number, weight = 0.9) => temperatureWarning('fast', { soft: { weight, temperature } })
  assert.equal(soft(5), undefined)
  assert.match(soft(5.5)!, /fast: a temperature of 5\.5/)
  assert.equal(soft(8, 0), undefined)
  assert.equal(temperatureWarning('fast', {}), undefined)
})

test('a student with less than a tenth of its teacher is warned about, with the true ratio', () => {
  const wide = { ...toyConfig, hiddenSize: 64, intermediateSize: 256, layers: 6 }
  const ratio = parameterCount(wide) / parameterCount(toyConfig)
  assert.ok(ratio > 10)
  assert.match(
    compressionWarning('fast', toyConfig, wide)!,
    new RegExp(`fast: ${ratio.toFixed(1)} times fewer parameters`),
  )
  assert.equal(compressionWarning('fast', { ...wide, layers: 1 }, wide), undefined)
})

test('a teacher whose interval reaches down to the majority rate is warned about', () => {
  const accuracy = { value: 0.7, low: 0.65, high: 0.75 }
  assert.equal(teacherWarning('test', accuracy, 0.64), undefined)
  assert.match(teacherWarning('test', accuracy, 0.65)!, /test accuracy 70\.0% \[65\.0, 75\.0\], majority 65\.0%/)
})

test('losses part when the best epoch came early, and since then training fell and validation rose, a tenth each', () => {
  const history = (...losses: [number, number][]) =>
    losses.map(([trainLoss, validationLoss], i) => ({ epoch: i + 1, trainLoss, validationLoss }))
  const parted = history([0.7, 0.66], [0.5, 0.6], [0.4, 0.63], [0.3, 0.7])
  assert.match(
    partingLossesWarning('teacher', parted, 2)!,
    /part after epoch 2 of 4 \(training 0\.500 → 0\.300, validation 0\.600 → 0\.700\)/,
  )
  assert.equal(partingLossesWarning('teacher', parted.slice(0, 3), 2), undefined, 'the best epoch is not early')
  assert.equal(
    partingLossesWarning('t', history([0.7, 0.6], [0.66, 0.7], [0.65, 0.8]), 1),
    undefined,
    'training stood still',
  )
  assert.equal(
    partingLossesWarning('t', history([0.7, 0.6], [0.5, 0.61], [0.3, 0.62]), 1),
    undefined,
    'validation stood still',
  )
  assert.equal(partingLossesWarning('t', [], 0), undefined)
})
