import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planStudy } from '../../../training/study/plan.js'
import { byProgram, programsOf } from '../../../training/study/program-order.js'
import type { FitStage, Stage } from '../../../training/study/stages.js'
import { INPUTS, STUDY, study } from './inputs.js'

function ordered(config: ReturnType<typeof study>, inputs = INPUTS): Stage[] {
  const { stages } = planStudy(config, inputs)
  const items = [...stages.values()].map((stage) => ({ stage }))
  const order = byProgram(items, ({ stage }) => programsOf(stage, (key) => stages.get(key) as FitStage))
  assert.deepEqual(new Set(order), new Set(items))
  return order.map(({ stage }) => stage)
}

const namesOf = (stages: readonly Stage[]) =>
  stages.map(({ name }) => name.replace(': answers on the training texts', ''))

test('the seeds of a fit follow each other, after the teachers that they learn from', () => {
  assert.deepEqual(namesOf(ordered(study())), [
    'teacher, seed 1',
    'teacher, seed 2',
    'teacher, seed 1',
    'teacher, seed 2',
    'half/control, seed 1',
    'half/control, seed 2',
    'half/vanilla, seed 1',
    'half/vanilla, seed 2',
    'half/hidden, seed 1',
    'half/hidden, seed 2',
    'thin/control, seed 1',
    'thin/control, seed 2',
    'thin/vanilla, seed 1',
    'thin/vanilla, seed 2',
    'thin/hidden, seed 1',
    'thin/hidden, seed 2',
  ])
})

test('no stage comes before one that it depends on, and one fold is finished before the next begins', () => {
  const folds = [0, 1, 2].map((fold) => ({ ...INPUTS.folds[0]!, key: `fold-${fold}` }))
  const chains = [{ name: 'steps', path: ['teacher', 'half', 'thin'], method: 'vanilla' }]
  const config = study({ chains, folds: { count: 3, seed: 1, validation: 0.2 } })
  const order = ordered(config, { ...INPUTS, folds })
  const seen = new Set<string>()
  for (const { key, dependsOn } of order) {
    for (const needed of dependsOn) assert.ok(seen.has(needed))
    seen.add(key)
  }
  const foldsSeen = order.map((stage) => (stage as FitStage).fold)
  assert.deepEqual(foldsSeen, foldsSeen.toSorted())
})

test('what decides no program keeps fits together; what decides one sets them apart', () => {
  const of = (change: object) => {
    const config = study({ seeds: [1], students: [{ ...STUDY.students[0], ...change }], methods: ['vanilla'] })
    const { stages } = planStudy(config, INPUTS)
    const student = [...stages.values()].find(({ name }) => name === 'half/vanilla')!
    return programsOf(student, (key) => stages.get(key) as FitStage)
  }
  for (const same of [{ epochs: 5 }, { learning_rate: 1e-3 }, { patience: 7 }]) assert.equal(of(same), of({}))
  for (const other of [
    { dropout: 0.2 },
    { batch_size: 4 },
    { layer_decay: 0.5 },
    { architecture: STUDY.teacher.architecture },
  ]) {
    assert.notEqual(of(other), of({}), JSON.stringify(other))
  }
})
