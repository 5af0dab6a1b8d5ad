import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createEngine } from '../../../training/engine/create-engine.js'
import type { Engine } from '../../../training/engine/types.js'
import type { TrainingEvent } from '../../../training/recipes/events.js'
import { smokeCases, smokeCsv } from '../../../training/recipes/smoke-cases.js'
import type { StudyResults } from '../../../training/study/results.js'
import { describeStudy, mergeStudy, type RunStudyOptions, runStudy } from '../../../training/study/run-study.js'
import type { StudyConfig } from '../../../training/study/study-schema.js'
import { STUDY, study } from './inputs.js'

let folder: string
let dataPath: string
let engine: Engine

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-study-'))
  dataPath = join(folder, 'cases.csv')
  await writeFile(dataPath, smokeCsv(smokeCases(64, 3)))
  engine = await createEngine('cpu', { threads: 1 })
})

after(() => rm(folder, { recursive: true, force: true }))

async function run(config: StudyConfig, out: string, change: Partial<RunStudyOptions> = {}) {
  const events: TrainingEvent[] = []
  const options = {
    config,
    dataPath,
    outFolder: join(folder, out),
    cacheFolder: join(folder, 'cache'),
    engine,
    versions: { lextier: 'test' },
    onEvent: (event: TrainingEvent) => events.push(event),
    ...change,
  }
  const outcome = await runStudy(options)
  const begun = events.flatMap((event) => (event.type === 'progress' ? [event.stage] : []))
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
  return { ...outcome, options, begun, warnings }
}

const [, , HIDDEN] = STUDY.methods

const withoutTimes = ({ models, comparisons, majority }: StudyResults) => ({
  models: models.map(({ trainingSeconds: _, sequencesPerSecond: __, ...model }) => model),
  comparisons,
  majority,
})

test('a study trains, measures and compares every model; a second run repeats nothing, a changed one what it changes', async () => {
  const students = [STUDY.students[0]]
  const config = study({ students, seeds: [1] })
  const first = await run(config, 'whole')
  assert.equal(first.complete, true)
  assert.equal(first.begun.length, 5)
  const results = first.results!
  assert.deepEqual(
    results.models.map(({ name }) => name),
    ['teacher', 'half/control', 'half/vanilla', 'half/hidden'],
  )
  const [teacher, , vanilla] = results.models
  assert.equal(teacher?.agreement, undefined)
  assert.deepEqual(
    vanilla?.seeds.map(({ seed }) => seed),
    [1],
  )
  assert.equal(vanilla?.start, 'layers 0, embeddings and head of the fine-tuned teacher')
  assert.ok(vanilla!.agreement!.value > 0.5 && vanilla!.agreement!.value <= 1)
  assert.equal(vanilla?.quality.examples, 15)
  assert.deepEqual(
    results.comparisons.map(({ a, b }) => [a, b]),
    ['half/vanilla', 'half/hidden'].map((a) => [a, 'half/control']),
  )
  assert.equal(JSON.stringify(results).includes(folder), false, 'the report names no path of this machine')
  for (const file of first.files) await readFile(file)

  const again = await run(config, 'whole')
  assert.deepEqual(again.begun, [])
  assert.deepEqual(withoutTimes(again.results!), withoutTimes(results))

  const warmer = { name: 'vanilla', losses: { soft: { temperature: 6 }, hard: {} } }
  const changed = await run(study({ students, seeds: [1], methods: ['control', warmer, HIDDEN] }), 'whole')
  assert.deepEqual(changed.begun, ['half/vanilla'])
  assert.match(changed.warnings.join('\n'), /half\/vanilla: a temperature of 6/)
})

test('shards in folders of their own, put together, give the results of one run', async () => {
  const config = study({ methods: ['vanilla'], students: [STUDY.students[1]] })
  const whole = await run(config, 'unsharded')
  for (const index of [0, 1]) {
    const shard = await run(config, `shard-${index}`, { shard: { index, count: 2 } })
    assert.equal(shard.results, undefined)
    assert.equal(shard.begun.length, 3)
  }
  const from = [0, 1].map((index) => join(folder, `shard-${index}`))
  const merged = await mergeStudy({ ...whole.options, outFolder: join(folder, 'merged'), from })
  assert.equal(merged.complete, true)
  assert.deepEqual(withoutTimes(merged.results!), withoutTimes(whole.results!))
  const partial = await mergeStudy({ ...whole.options, outFolder: join(folder, 'partial'), from: from.slice(0, 1) })
  assert.equal(partial.complete, false)
  assert.deepEqual(
    partial.results?.models[0]?.seeds.map(({ seed }) => seed),
    [1],
  )
})

test('a stage that fails is named in the results, and what does not need it goes on', async () => {
  const broken = { ...STUDY.students[1], learning_rate: 1e30, name: 'broken' }
  const config = study({ seeds: [1], methods: ['vanilla'], students: [broken, STUDY.students[1]] })
  const { results, complete } = await run(config, 'failing')
  assert.equal(complete, false)
  assert.deepEqual(
    results!.models.map(({ name }) => name),
    ['teacher', 'thin/vanilla'],
  )
  assert.match(results!.failures.find(({ stage }) => stage === 'broken/vanilla')?.error ?? '', /LOSS_NOT_FINITE/)
})

test('a sweep chooses by validation NLL, and the study goes on with what it chose', async () => {
  const sweep = { parameters: { 'students.thin.learning_rate': [1e-6, 1e-2] } }
  const config = study({ seeds: [1], methods: ['control'], students: [STUDY.students[1]], sweep })
  const { results, begun } = await run(config, 'swept')
  assert.deepEqual(begun, ['thin/control', 'thin/control', 'teacher', 'teacher: answers on the training texts'])
  const [trials] = results!.sweeps
  const best = trials!.trials.reduce((a, b) => (b.validationNll! < a.validationNll! ? b : a))
  assert.deepEqual(
    trials!.trials.filter(({ chosen }) => chosen),
    [best],
  )
  const students = results!.config.students as { learning_rate: number }[]
  assert.equal(students[0]!.learning_rate, best.parameters['students.thin.learning_rate'])
})

test('folds pool the answers of models that did not see the case', async () => {
  const config = study({ folds: { count: 3 }, seeds: [1], students: [] })
  const { results, options } = await run(config, 'folds')
  const [teacher] = results!.models
  assert.equal(teacher?.quality.split, 'out-of-fold')
  assert.equal(teacher?.quality.examples, 64)
  assert.deepEqual(
    teacher?.curves.map(({ fold }) => fold),
    [0, 1, 2],
  )
  const plan = await describeStudy(options)
  assert.deepEqual([plan.groups, plan.stages.every(({ done }) => done)], [3, true])
})

test('weights are kept for the first seed only where they are asked to be, and made again where they are needed', async () => {
  const config = study({ methods: ['control'], students: [STUDY.students[1]], keep_weights: 'first' })
  const first = await run(config, 'lean')
  const stages = join(folder, 'lean', 'stages')
  const kept = []
  for (const key of await readdir(stages)) {
    if ((await readdir(join(stages, key))).includes('best.safetensors')) kept.push(key)
  }
  assert.equal(kept.length, 2)
  const more = await run(study({ methods: ['control', HIDDEN], students: [STUDY.students[1]] }), 'lean')
  assert.deepEqual(
    more.begun.filter((name) => name.startsWith('teacher')),
    ['teacher, seed 2'],
  )
  assert.equal(first.complete && more.complete, true)
})

test('a stage that breaks off goes on from its checkpoint and gives what an unbroken one gives', async () => {
  const teacher = { ...STUDY.teacher, checkpoint_every: 2 }
  const config = study({ seeds: [1], students: [], teacher })
  const whole = await run(config, 'unbroken')
  let calls = 0
  const failing: Engine = {
    ...engine,
    async trainer(...given) {
      const trainer = await engine.trainer(...given)
      return {
        ...trainer,
        run: async (batches) => {
          if (++calls === 3) throw new Error('killed')
          return trainer.run(batches)
        },
      }
    },
  }
  const broken = await run(config, 'broken', { engine: failing })
  assert.equal(broken.complete, false)
  assert.match(broken.results!.failures[0]!.error, /killed/)
  const resumed = await run(config, 'broken')
  assert.equal(calls, 3)
  assert.equal(resumed.complete, true)
  assert.deepEqual(withoutTimes(resumed.results!), withoutTimes(whole.results!))
})

test('processes that share a folder run every stage once', async () => {
  const config = study({ students: [STUDY.students[1]], methods: ['control'] })
  const sweep = { ...config, sweep: study({ sweep: { parameters: { 'students.thin.dropout': [0, 0.1] } } }).sweep }
  const shards = await Promise.all([0, 1].map((index) => run(sweep, 'shared', { shard: { index, count: 2 } })))
  const begun = shards.flatMap((shard) => shard.begun)
  // two trials, and of each seed the teacher, its outputs and the student, which seed 1 has from a trial
  assert.equal(begun.length, 2 + 3 + 2)
  assert.ok(shards.every(({ begun }) => begun.length > 0))
  const { complete } = await mergeStudy({ ...shards[0]!.options, config: sweep, from: [] })
  assert.equal(complete, true)
})
