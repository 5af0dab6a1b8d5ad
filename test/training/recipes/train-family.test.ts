import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadFamily } from '../../../src/family/load-family.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { parseTrainingConfig, type TrainingConfig } from '../../../training/recipes/config.js'
import type { TrainingEvent } from '../../../training/recipes/events.js'
import type { TrainFamilyOptions } from '../../../training/recipes/run.js'
import { smokeCases, smokeCsv } from '../../../training/recipes/smoke-cases.js'
import { trainFamily } from '../../../training/recipes/train-family.js'

const CONFIG = parseTrainingConfig(
  {
    name: 'tiny',
    data: { text_column: 'facts', label_column: 'kind', id_column: 'id' },
    max_tokens: 32,
    window_overlap: 8,
    bucket_width: 32,
    bootstrap_resamples: 50,
    teacher: {
      architecture: { layers: 2, hidden_size: 32, heads: 2, intermediate_size: 64 },
      epochs: 3,
      learning_rate: 3e-3,
      checkpoint_every: 3,
    },
    students: [{ tier: 'fast', teacher_layers: [1], epochs: 1, accumulation: 2 }],
  },
  'test',
)

let folder: string
let dataPath: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-recipes-'))
  dataPath = join(folder, 'cases.csv')
  await writeFile(dataPath, smokeCsv(smokeCases(120, 3)))
})

after(() => rm(folder, { recursive: true, force: true }))

async function train(name: string, change: Partial<TrainFamilyOptions> = {}): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = []
  await trainFamily({
    config: CONFIG,
    dataPath,
    outFolder: join(folder, name),
    runFolder: join(folder, `${name}.run`),
    resume: false,
    cacheFolder: join(folder, 'cache'),
    engine: await createEngine('cpu', { threads: 1 }),
    versions: {},
    onEvent: (event) => events.push(event),
    ...change,
  })
  return events
}

const weightsOf = (name: string, tier: string) => readFile(join(folder, name, tier, 'weights.bin'))

test('a run gives a family with every tier measured, its split and its audit beside the run', async () => {
  const events = await train('whole')
  const { manifest } = await loadFamily(join(folder, 'whole'), { verify: 'hashes' })
  assert.deepEqual(
    manifest.tiers.map(({ tier }) => tier),
    ['teacher', 'fast'],
  )
  assert.deepEqual(manifest.labels, ['civil', 'criminal'])
  assert.ok(manifest.tiers[1]?.teacherAgreement)
  assert.equal(JSON.stringify(manifest).includes(folder), false, 'the manifest names no path of this machine')
  for (const file of ['config.json', 'split.json', 'audit.json', 'events.ndjson', 'teacher/metrics.csv']) {
    await readFile(join(folder, 'whole.run', file))
  }
  assert.equal(events.filter(({ type }) => type === 'epoch').length, 4)
})

test('a run that is killed in the middle of an epoch continues bit for bit, and finished stages are not repeated', async () => {
  await assert.rejects(
    train('killed', {
      onEvent: (event) => {
        if (event.type === 'step' && event.stage === 'teacher' && event.epoch === 2) throw new Error('killed')
      },
    }),
    /killed/,
  )
  await assert.rejects(
    train('killed', {
      resume: true,
      onEvent: (event) => {
        if (event.type === 'stage' && event.stage === 'fast') throw new Error('killed again')
      },
    }),
    /killed again/,
  )
  const events = await train('killed', { resume: true })
  const skipped = events.filter((event) => event.type === 'stage' && event.state === 'skipped')
  assert.equal(skipped.length, 1)
  for (const tier of ['teacher', 'fast']) {
    assert.deepEqual(await weightsOf('killed', tier), await weightsOf('whole', tier))
  }
})

test('a run folder is not begun twice, nor continued with another configuration or other data', async () => {
  await assert.rejects(train('whole'), { code: 'INVALID_CONFIGURATION', message: /--resume/ })
  const config: TrainingConfig = { ...CONFIG, seed: 9 }
  await assert.rejects(train('whole', { resume: true, config }), { code: 'INVALID_CONFIGURATION' })
  const other = join(folder, 'other.csv')
  await writeFile(other, smokeCsv(smokeCases(121, 3)))
  await assert.rejects(train('whole', { resume: true, dataPath: other }), { code: 'DATA_INVALID' })
})

test('a loss that is not a number stops the run, names the step and keeps the last checkpoint', async () => {
  const config: TrainingConfig = {
    ...CONFIG,
    teacher: { ...CONFIG.teacher, learning_rate: 1e30, clip_norm: 1e30 },
    students: [],
  }
  await assert.rejects(train('diverging', { config }), { code: 'LOSS_NOT_FINITE', message: /at step \d+/ })
})

test('a teacher of several members learns their mean, and its students learn from it', async () => {
  const config: TrainingConfig = { ...CONFIG, teacher: { ...CONFIG.teacher, epochs: 1, members: 2 } }
  const events = await train('members', { config })
  const stages = events.flatMap((event) => (event.type === 'stage' && event.state === 'started' ? [event.stage] : []))
  assert.deepEqual(stages, ['teacher-member-1', 'teacher-member-2', 'teacher', 'fast'])
  const { manifest } = await loadFamily(join(folder, 'members'), { verify: 'hashes' })
  assert.match(manifest.tiers[0]!.training.method, /distillation of 2 fine-tunings/)
})

test('a single class, and a column that is not there, are refused by name', async () => {
  const single = join(folder, 'single.csv')
  await writeFile(single, 'id,facts,kind\n1,one,a\n2,two,a\n')
  await assert.rejects(train('single', { dataPath: single }), { code: 'DATA_INVALID' })
  const config: TrainingConfig = { ...CONFIG, data: { ...CONFIG.data, label_column: 'outcome' } }
  await assert.rejects(train('columns', { config }), { code: 'COLUMN_NOT_FOUND', message: /"outcome".*"kind"/ })
})

test('a run that never began, for want of a column or a checkpoint, can be begun again in the same folder', async () => {
  const short = { ...CONFIG, teacher: { ...CONFIG.teacher, epochs: 1 }, students: [] }
  const noColumn = { ...short, data: { ...CONFIG.data, label_column: 'outcome' } }
  await assert.rejects(train('again', { config: noColumn }), { code: 'COLUMN_NOT_FOUND' })
  const noBase = { ...short, teacher: { ...short.teacher, base: join(folder, 'nowhere') } }
  await assert.rejects(train('again', { config: { ...noBase, split: { ...CONFIG.split, seed: 5 } } }), {
    code: 'CHECKPOINT_INVALID',
  })
  await train('again', { config: short })
  const { manifest } = await loadFamily(join(folder, 'again'), { verify: 'hashes' })
  assert.equal(manifest.data.split.seed, CONFIG.split.seed)
  const split = JSON.parse(await readFile(join(folder, 'again.run', 'split.json'), 'utf8')) as { seed: number }
  assert.equal(split.seed, CONFIG.split.seed)
})
