import assert from 'node:assert/strict'
import { test } from 'node:test'
import { initialParameters } from '../../../training/nn/initialise.js'
import { createRandom } from '../../../training/random.js'
import {
  type LossesConfig,
  METHODS,
  needsTeacherInside,
  needsTeacherLogits,
} from '../../../training/recipes/losses-config.js'
import { describeLosses, studentLoss } from '../../../training/recipes/student-loss.js'
import { toyConfig } from '../engine/toy-encoder.js'

const config = { ...toyConfig, layers: 4 }
const teacher = { config, parameters: initialParameters(config, createRandom(1)) }

test('every method is an objective for a student of half as many layers, and asks for the teacher only where it must', () => {
  for (const [name, losses] of Object.entries(METHODS)) {
    const { frozen, collect } = studentLoss(losses, toyConfig, teacher)
    assert.equal(frozen !== undefined, needsTeacherInside(losses), name)
    assert.equal(Object.keys(collect ?? {}).length > 0, needsTeacherInside(losses), name)
    assert.equal(needsTeacherLogits(losses), name !== 'control', name)
  }
})

test('every method but the control holds what vanilla holds, so that they compare', () => {
  for (const [name, losses] of Object.entries(METHODS)) {
    const { soft, hard }: LossesConfig = losses
    if (name !== 'control') assert.deepEqual({ soft, hard }, METHODS.vanilla)
  }
})

test('the report says which losses were minimised, with their weights and layers', () => {
  assert.equal(describeLosses(METHODS.control), 'fine-tuning')
  assert.equal(describeLosses(METHODS.vanilla), 'vanilla distillation (soft 0.9 at temperature 2, hard 0.1)')
  assert.equal(
    describeLosses(METHODS.feature),
    'feature distillation (soft 0.9 at temperature 2, hard 0.1, hidden 0.3 over layers uniform)',
  )
  assert.equal(
    describeLosses({
      hard: { weight: 1 - 0.9, label_smoothing: 0.1 },
      cls: { weight: 1, layers: [[1, 2]] },
      hidden: { weight: 0.5, layers: 'late' },
    }),
    'combined distillation (hard 0.1 smoothed 0.1, cls 1 over layers 1-2, hidden 0.5 over layers late)',
  )
})
