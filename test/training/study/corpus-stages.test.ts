import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createEngine } from '../../../training/engine/create-engine.js'
import { smokeCases, smokeCsv } from '../../../training/recipes/smoke-cases.js'
import { planStudy } from '../../../training/study/plan.js'
import { runStudy } from '../../../training/study/run-study.js'
import { INPUTS, SIZES, STUDY, study } from './inputs.js'

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-corpus-study-'))
  await writeFile(join(folder, 'cases.csv'), smokeCsv(smokeCases(100, 3)))
  const texts = smokeCases(80, 9).map(({ facts }) => JSON.stringify({ text: facts }))
  await writeFile(join(folder, 'corpus.jsonl'), `${texts.join('\n')}\n`)
})

after(() => rm(folder, { recursive: true, force: true }))

const general = (path: string) =>
  study({
    seeds: [1, 2],
    teacher: { ...STUDY.teacher, epochs: 1, start: 'pretrained' },
    students: [{ ...STUDY.students[1], start: 'general' }],
    methods: ['control'],
    corpus: { path, max_tokens: 32, validation: 0.2 },
    pretraining: { epochs: 1, learning_rate: 1e-3 },
    general: { epochs: 1, learning_rate: 1e-3 },
  })

test('a corpus is learnt once for all seeds: the teacher from it, the student from the teacher', () => {
  const plan = planStudy(general('corpus.jsonl'), { ...INPUTS, corpus: 'hash' })
  const names = [...plan.stages.values()].map(({ name }) => name)
  assert.deepEqual(names.slice(0, 2), ['pre-training of teacher', 'teacher, seed 1'])
  assert.equal(names.filter((name) => name.startsWith('general')).length, 1)
  const other = planStudy(general('corpus.jsonl'), { ...INPUTS, corpus: 'another' })
  for (const key of other.stages.keys()) assert.equal(plan.stages.has(key), false)
})

test('folds with vocabularies of their own have no corpus stage, and a random teacher nothing to imitate', () => {
  const folds = ['a', 'b'].map((tokenizer) => ({ ...INPUTS.folds[0]!, tokenizer }))
  assert.throws(() => planStudy(general('x'), { ...INPUTS, folds, corpus: 'hash' }), /name a tokenizer/)
  const config = { ...general('x'), teachers: study().teachers }
  assert.throws(() => planStudy(config, { ...INPUTS, corpus: 'hash' }), /teacher starts random/)
})

test('pre-training and general distillation run before what starts from them', async () => {
  const { results, complete } = await runStudy({
    config: { ...general(join(folder, 'corpus.jsonl')), seeds: [1] },
    dataPath: join(folder, 'cases.csv'),
    outFolder: join(folder, 'out'),
    cacheFolder: join(folder, 'cache'),
    engine: await createEngine('cpu', { threads: 1 }),
    versions: {},
    onEvent: () => {},
  })
  assert.equal(complete, true)
  assert.deepEqual(
    results!.models.map(({ name, start }) => [name, start]),
    [
      ['teacher', 'masked-language-model pre-training'],
      ['thin/control', 'general distillation'],
    ],
  )
  assert.equal((results!.config.corpus as { path: string }).path, 'corpus.jsonl')
  assert.equal(results!.models[1]?.hiddenSize, SIZES.hidden_size / 2)
})
