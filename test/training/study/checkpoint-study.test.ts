import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createEngine } from '../../../training/engine/create-engine.js'
import { smokeCases, smokeCsv } from '../../../training/recipes/smoke-cases.js'
import { runStudy } from '../../../training/study/run-study.js'
import { alterTensors, copyOf, temporaryFolder } from '../checkpoint/folders.js'
import { study } from './inputs.js'

test('models start from a checkpoint, its layers or its vocabulary; other weights in it are another study', async (t) => {
  const base = await copyOf(t, 'tiny-bert')
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'cases.csv'), smokeCsv(smokeCases(80, 3)))
  const config = study({
    seeds: [1],
    max_tokens: 16,
    teacher: { base, epochs: 1 },
    students: [
      { name: 'cut', teacher_layers: [1], layers_from: 'base', epochs: 1 },
      { name: 'same', base, epochs: 2 },
      { name: 'fresh', architecture: { layers: 1, hidden_size: 8, heads: 2 }, epochs: 1 },
    ],
    methods: ['control'],
  })
  const begun: string[] = []
  const engine = await createEngine('cpu', { threads: 1 })
  const run = () =>
    runStudy({
      config,
      dataPath: join(folder, 'cases.csv'),
      outFolder: join(folder, 'out'),
      cacheFolder: join(folder, 'cache'),
      engine,
      versions: {},
      onEvent: (event) => event.type === 'progress' && begun.push(event.stage),
    })
  const { results } = await run()
  const name = base.split('/').at(-1)
  assert.deepEqual(
    results!.models.map((model) => [model.name, model.start]),
    [
      ['teacher', `pre-trained checkpoint ${name}`],
      ['cut/control', 'layers 1, embeddings and head of the untrained teacher'],
      ['same/control', `pre-trained checkpoint ${name}`],
      ['fresh/control', 'random'],
    ],
  )
  assert.equal(JSON.stringify(results).includes(folder), false)

  begun.length = 0
  await alterTensors(base, (tensors) =>
    Object.fromEntries(
      Object.entries(tensors).map(([key, { shape, values }]) => [key, { shape, values: values.map((v) => v / 2) }]),
    ),
  )
  await run()
  // what starts random has nothing of the checkpoint but its vocabulary
  assert.deepEqual(begun, ['teacher', 'teacher: answers on the training texts', 'cut/control', 'same/control'])
})
