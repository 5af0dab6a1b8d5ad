/** Writes that are led to /dev/full, where each finds no space: what a full disk does, without filling one. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import files, { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createEngine } from '../../../training/engine/create-engine.js'
import { parseTrainingConfig } from '../../../training/recipes/config.js'
import type { TrainingEvent } from '../../../training/recipes/events.js'
import { smokeCases, smokeCsv } from '../../../training/recipes/smoke-cases.js'
import { trainFamily } from '../../../training/recipes/train-family.js'
import { writeWhole } from '../../../training/write-whole.js'

const linux = { skip: existsSync('/dev/full') ? false : 'needs /dev/full' }
let folder: string

/** @returns what makes room again */
function fillDisk(name: string): () => void {
  const write = files.writeFile
  const replace = (writeFile: typeof write) => {
    files.writeFile = writeFile
    syncBuiltinESMExports()
  }
  replace((file, ...rest) => write(String(file).includes(name) ? '/dev/full' : file, ...rest))
  return () => replace(write)
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-full-'))
})
after(() => rm(folder, { recursive: true, force: true }))

test(
  'where there is no space the error says so, the file from before stays and nothing half-written does',
  linux,
  async () => {
    const file = join(folder, 'kept.json')
    await writeWhole(file, 'before')
    const makeRoom = fillDisk('kept.json')
    await assert.rejects(writeWhole(file, 'after'), {
      code: 'DISK_FULL',
      message: /kept\.json .* no space is left.* --resume/,
    })
    makeRoom()
    assert.equal(await readFile(file, 'utf8'), 'before')
    assert.deepEqual(await readdir(folder), ['kept.json'])
    await writeWhole(file, 'after')
    assert.equal(await readFile(file, 'utf8'), 'after')
  },
)

test('a run that meets a full disk at a checkpoint goes on from the one before it', linux, async () => {
  const dataPath = join(folder, 'cases.csv')
  await writeFile(dataPath, smokeCsv(smokeCases(80, 3)))
  const config = parseTrainingConfig(
    {
      name: 'full',
      data: { text_column: 'facts', label_column: 'kind', id_column: 'id' },
      explain: false,
      max_tokens: 32,
      window_overlap: 8,
      bucket_width: 32,
      bootstrap_resamples: 20,
      teacher: {
        architecture: { layers: 1, hidden_size: 16, heads: 1, intermediate_size: 32 },
        epochs: 3,
        learning_rate: 3e-3,
      },
    },
    'test',
  )
  const train = async (name: string, resume: boolean, onEvent: (event: TrainingEvent) => void = () => {}) =>
    trainFamily({
      config,
      dataPath,
      outFolder: join(folder, name),
      runFolder: join(folder, `${name}.run`),
      resume,
      cacheFolder: join(folder, 'cache'),
      engine: await createEngine('cpu', { threads: 1 }),
      versions: {},
      onEvent,
    })
  let makeRoom = () => {}
  const afterFirst = (event: TrainingEvent) => {
    if (event.type === 'epoch' && event.epoch === 1) makeRoom = fillDisk('last.safetensors')
  }
  await assert.rejects(train('full', false, afterFirst), { code: 'DISK_FULL', message: /last\.safetensors/ })
  makeRoom()
  const resumed: string[] = []
  await train('full', true, (event) => {
    if (event.type === 'stage' && event.state === 'resumed') resumed.push(event.detail)
  })
  assert.match(resumed.join(), /epoch 1/)
  await train('whole', false)
  const weights = (name: string) => readFile(join(folder, name, 'teacher', 'weights.bin'))
  assert.deepEqual(await weights('full'), await weights('whole'))
})
