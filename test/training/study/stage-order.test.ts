import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planStudy } from '../../../training/study/plan.js'
import { byProgram } from '../../../training/study/stage-order.js'
import { INPUTS, STUDY, study } from './inputs.js'

test('seeds of one model by one method follow one another, and nothing is lost', () => {
  const [half] = STUDY.students
  const { stages } = planStudy(study({ students: [half], methods: ['control', 'vanilla'] }), INPUTS)
  const planned = [...stages.values()].map((stage) => ({ stage }))
  assert.deepEqual(
    byProgram(planned).map(({ stage: { group, name } }) => `${group} ${name.replace(/, seed \d/, '')}`),
    [
      '0 teacher',
      '1 teacher',
      '0 teacher: answers on the training texts',
      '1 teacher: answers on the training texts',
      '0 half/control',
      '1 half/control',
      '0 half/vanilla',
      '1 half/vanilla',
    ],
  )
})
