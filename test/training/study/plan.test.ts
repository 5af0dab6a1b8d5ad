import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planStudy } from '../../../training/study/plan.js'
import type { StudyPlan } from '../../../training/study/stages.js'
import { INPUTS, SIZES, STUDY, study } from './inputs.js'

const namesOf = ({ stages }: StudyPlan) => [...stages.values()].map(({ name, group }) => `${group} ${name}`)
const rerun = (before: StudyPlan, after: StudyPlan) =>
  [...after.stages.values()].filter(({ key }) => !before.stages.has(key)).map(({ name }) => name)

test('every student is trained by every method, with every seed, after its teacher', () => {
  const plan = planStudy(study({ seeds: [1] }), INPUTS)
  assert.deepEqual(namesOf(plan), [
    '0 teacher',
    '0 teacher: answers on the training texts',
    '0 half/control',
    '0 half/vanilla',
    '0 half/hidden',
    '0 thin/control',
    '0 thin/vanilla',
    '0 thin/hidden',
  ])
  const two = planStudy(study(), INPUTS)
  assert.equal(two.stages.size, 16)
  assert.deepEqual(
    two.models.find(({ name }) => name === 'thin/vanilla')?.runs.map(({ seed }) => seed),
    [1, 2],
  )
  const seen = new Set<string>()
  for (const { key, dependsOn } of two.stages.values()) {
    for (const needed of dependsOn) assert.ok(seen.has(needed))
    seen.add(key)
  }
})

test('a student with seeds of its own is trained with those only, and a chain with those that all its links have', () => {
  const [half, thin] = STUDY.students
  const chains = [{ name: 'steps', path: ['teacher', 'half', 'thin'], method: 'vanilla' }]
  const config = study({ students: [half, { ...thin, seeds: [2] }], chains })
  const plan = planStudy(config, INPUTS)
  const seedsOf = (of: StudyPlan, model: string) =>
    of.models.find(({ name }) => name === model)?.runs.map(({ seed }) => seed)
  assert.deepEqual(seedsOf(plan, 'half/vanilla'), [1, 2])
  assert.deepEqual(seedsOf(plan, 'thin/vanilla'), [2])
  assert.deepEqual(seedsOf(plan, 'steps'), [2])
  // a sweep names the seeds of its trials
  assert.deepEqual(seedsOf(planStudy(config, INPUTS, { seeds: [1] }), 'thin/vanilla'), [1])
})

test('a temperature changes the stages that learn with it, and no other', () => {
  const before = planStudy(study({ seeds: [1] }), INPUTS)
  const warmer = { name: 'vanilla', losses: { soft: { temperature: 4 }, hard: {} } }
  const methods = ['control', warmer, STUDY.methods[2]]
  assert.deepEqual(rerun(before, planStudy(study({ seeds: [1], methods }), INPUTS)), ['half/vanilla', 'thin/vanilla'])
})

test("a student's own settings change that student only; the teacher's change the teacher and all that learn from it", () => {
  const before = planStudy(study({ seeds: [1] }), INPUTS)
  const students = [STUDY.students[0], { ...STUDY.students[1], epochs: 3 }]
  const thin = ['thin/control', 'thin/vanilla', 'thin/hidden']
  assert.deepEqual(rerun(before, planStudy(study({ seeds: [1], students }), INPUTS)), thin)
  const teacher = { ...STUDY.teacher, epochs: STUDY.teacher.epochs + 1 }
  // thin starts random: its control has nothing of the teacher
  const expected = namesOf(before)
    .map((name) => name.slice(2))
    .filter((name) => name !== 'thin/control')
  assert.deepEqual(rerun(before, planStudy(study({ seeds: [1], teacher }), INPUTS)), expected)
})

test('a student that pools in another way is another student', () => {
  const [half, thin] = STUDY.students
  const poolings = (of: StudyPlan) => {
    const fits = [...of.stages.values()].flatMap((stage) => (stage.kind === 'fit' ? [stage] : []))
    return Object.fromEntries(fits.map(({ name, encoder }) => [name, encoder.pooling]))
  }
  const before = planStudy(study({ seeds: [1] }), INPUTS)
  const after = planStudy(study({ seeds: [1], students: [{ ...half, pooling: 'mean' }, thin] }), INPUTS)
  assert.deepEqual(rerun(before, after), ['half/control', 'half/vanilla', 'half/hidden'])
  assert.equal(poolings(before)['half/vanilla'], 'cls')
  assert.equal(poolings(after)['half/vanilla'], 'mean')
  assert.equal(poolings(after)['thin/vanilla'], 'cls')
})

test('names, checkpoints between epochs and new models leave what is there alone', () => {
  const before = planStudy(study({ seeds: [1] }), INPUTS)
  const same = planStudy(
    study({
      seeds: [1],
      name: 'other',
      description: 'x',
      teacher: { ...STUDY.teacher, name: 'big', checkpoint_every: 5 },
    }),
    INPUTS,
  )
  assert.deepEqual(rerun(before, same), [])
  const pkd = planStudy(study({ seeds: [1], methods: [...STUDY.methods, 'pkd'] }), INPUTS)
  assert.deepEqual(rerun(before, pkd), ['half/pkd', 'thin/pkd'])
})

test('other data is another study', () => {
  const before = planStudy(study(), INPUTS)
  const after = planStudy(study(), { ...INPUTS, folds: [{ ...INPUTS.folds[0]!, key: 'other' }] })
  assert.equal(rerun(before, after).length, after.stages.size)
})

test('a chain shares its first link with the student of that method, and its last is a model', () => {
  const chains = [{ name: 'steps', path: ['teacher', 'half', 'thin'], method: 'vanilla' }]
  const before = planStudy(study({ seeds: [1] }), INPUTS)
  const plan = planStudy(study({ seeds: [1], chains }), INPUTS)
  assert.deepEqual(rerun(before, plan), ['half/vanilla: answers on the training texts', 'steps'])
  const chain = plan.models.find(({ name }) => name === 'steps')
  assert.deepEqual([chain?.kind, chain?.teacher, chain?.control], ['chain', 'teacher → half', 'thin/control'])
})

test('a loss that does not fit a student is refused before anything runs, and names who', () => {
  const students = [{ name: 'three', architecture: { ...SIZES, layers: 3, hidden_size: 16 } }]
  assert.throws(() => planStudy(study({ students, methods: ['feature'] }), INPUTS), {
    code: 'INVALID_CONFIGURATION',
    message: /three by feature: .*uniform/,
  })
})

test('members have seeds of their own, and hard examples continue a finished student', () => {
  const plan = planStudy(
    study({ seeds: [1], teacher: { ...STUDY.teacher, members: 2 }, hard_examples: { methods: ['vanilla'] } }),
    INPUTS,
  )
  const fits = [...plan.stages.values()].filter((stage) => stage.kind === 'fit')
  assert.deepEqual(
    fits.filter(({ name }) => name.startsWith('teacher')).map(({ seed }) => seed),
    [1001, 1002, 1],
  )
  const hard = fits.find(({ name }) => name === 'half/vanilla+hard')
  assert.equal(hard?.start.kind === 'stage' && plan.stages.get(hard.start.stage)?.name, 'half/vanilla')
})

test('calls that not all models take are cut to one length for all, and that is said', () => {
  const calls = [
    { batch: 1, tokens: 16 },
    { batch: 1, tokens: 128 },
    { batch: 1, tokens: 256 },
  ]
  const { models, stages, warnings } = planStudy(study({ latency: { calls } }), INPUTS)
  const timed = new Set(models.flatMap(({ latency }) => latency))
  // half has the teacher's widths, thin has not: three architectures
  assert.equal(timed.size, 3)
  for (const key of timed) {
    const stage = stages.get(key)
    assert.deepEqual(stage?.kind === 'latency' && stage.calls, [
      { batch: 1, tokens: 16 },
      { batch: 1, tokens: 32 },
    ])
  }
  assert.match(warnings.join(), /not all models take 256 tokens; calls of more than 32 are timed with 32/)
  assert.deepEqual(planStudy(study({ latency: { calls: calls.slice(0, 1) } }), INPUTS).warnings, [])
})
