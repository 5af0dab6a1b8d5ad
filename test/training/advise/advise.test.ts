import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { advise, COMPUTE_LEVELS, PRIORITIES, type Project } from '../../../training/advise/advise.js'

const project = (given: Partial<Project>): Project => ({ priority: 'balanced', compute: 'moderate', ...given })
const approach = (given: Partial<Project>) => advise(project(given)).approach

test('maximum accuracy asks for the large model, whatever else is said', () => {
  for (const compute of COMPUTE_LEVELS) {
    assert.equal(approach({ priority: 'maximum_accuracy', compute, rows: 200 }), 'fine_tune_large_model')
    assert.equal(
      approach({ priority: 'maximum_accuracy', compute, acceptableAccuracyDrop: 5 }),
      'fine_tune_large_model',
    )
  }
})

test('speed asks for distilling, until a drop of 3 points is fine', () => {
  assert.equal(approach({ priority: 'deployment_speed' }), 'distil_to_small_model')
  assert.equal(approach({ priority: 'deployment_speed', acceptableAccuracyDrop: 0 }), 'distil_to_small_model')
  assert.equal(approach({ priority: 'deployment_speed', acceptableAccuracyDrop: 2.9 }), 'distil_to_small_model')
  assert.equal(approach({ priority: 'deployment_speed', acceptableAccuracyDrop: 3 }), 'fine_tune_small_model')
})

test("the study's own example, speed with a drop of 4, gets what the study's rule says", () => {
  assert.equal(approach({ priority: 'deployment_speed', acceptableAccuracyDrop: 4 }), 'fine_tune_small_model')
})

test('flexibility asks for a teacher and several students', () => {
  assert.equal(approach({ priority: 'flexibility' }), 'fine_tune_teacher_then_distil_multiple_sizes')
})

test('without a priority, little compute or fewer than 1,000 rows ask for fine-tuning only', () => {
  assert.equal(approach({ compute: 'limited' }), 'fine_tune_only')
  assert.equal(approach({ compute: 'limited', rows: 50_000 }), 'fine_tune_only')
  assert.equal(approach({ rows: 999 }), 'fine_tune_only')
  assert.equal(approach({ compute: 'plenty', rows: 0 }), 'fine_tune_only')
})

test('else it asks for distilling; rows that are not named count as enough', () => {
  assert.equal(approach({}), 'distil_to_small_model')
  assert.equal(approach({ rows: 1000 }), 'distil_to_small_model')
  assert.equal(approach({ compute: 'plenty', rows: 1000, acceptableAccuracyDrop: 10 }), 'distil_to_small_model')
})

test('a priority that overrules compute and rows says so', () => {
  const { reasons } = advise(project({ priority: 'flexibility', compute: 'limited', rows: 300 }))
  assert.equal(reasons.length, 3)
  assert.match(reasons[1]!, /Compute is limited/)
  assert.match(reasons[2]!, /300 rows/)
})

test('every project gets an approach and a reason', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...PRIORITIES),
      fc.constantFrom(...COMPUTE_LEVELS),
      fc.option(fc.float({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
      fc.option(fc.nat(), { nil: undefined }),
      (priority, compute, acceptableAccuracyDrop, rows) => {
        const advice = advise({ priority, compute, acceptableAccuracyDrop, rows })
        assert.ok(advice.reasons.length > 0 && advice.reasons.every((reason) => reason.endsWith('.')))
      },
    ),
  )
})
