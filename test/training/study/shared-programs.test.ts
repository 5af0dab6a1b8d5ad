import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createEngine } from '../../../training/engine/create-engine.js'
import { smokeCases, smokeCsv } from '../../../training/recipes/smoke-cases.js'
import { runStudy } from '../../../training/study/run-study.js'
import { STUDY, study } from './inputs.js'

async function studied(context: TestContext, change: object) {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-programs-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const dataPath = join(folder, 'cases.csv')
  await writeFile(dataPath, smokeCsv(smokeCases(64, 3)))
  const engine = await createEngine('cpu', { threads: 1 })
  context.after(() => engine.dispose())
  let fits = 0
  const { complete } = await runStudy({
    config: study({ students: [STUDY.students[1]], ...change }),
    dataPath,
    outFolder: join(folder, 'out'),
    cacheFolder: join(folder, 'cache'),
    engine,
    versions: {},
    onEvent: (event) => {
      if (event.type === 'progress' && !event.stage.includes('answers on the training texts')) fits++
    },
  })
  assert.equal(complete, true)
  return { fits, compilations: engine.compilations() }
}

test('a second seed of every model compiles nothing, another method compiles its own step', async (context) => {
  const one = await studied(context, { seeds: [1], methods: ['control'] })
  assert.equal(one.fits, 2)
  const seeds = await studied(context, { seeds: [1, 2], methods: ['control'] })
  assert.deepEqual(seeds, { fits: 4, compilations: one.compilations })
  const methods = await studied(context, { seeds: [1], methods: ['control', 'vanilla'] })
  assert.equal(methods.fits, 3)
  assert.ok(methods.compilations > one.compilations)
})
