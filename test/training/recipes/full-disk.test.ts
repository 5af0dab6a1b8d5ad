/** A file's `.part` that leads to /dev/full, where every write finds no space: what a full disk does, without filling one. */
import assert from 'node:assert/strict'
import { existsSync, symlinkSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
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
    await symlink('/dev/full', `${file}.part`)
    await assert.rejects(writeWhole(file, 'after'), {
      code: 'DISK_FULL',
      message: /kept\.json .* no space is left.* --resume/,
    })
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
  const fillDisk = (event: TrainingEvent) => {
    if (event.type === 'epoch' && event.epoch === 1) {
      symlinkSync('/dev/full', join(folder, 'full.run', 'teacher', 'last.safetensors.part'))
    }
  }
  await assert.rejects(train('full', false, fillDisk), { code: 'DISK_FULL', message: /last\.safetensors/ })
  const resumed: string[] = []
  await train('full', true, (event) => {
    if (event.type === 'stage' && event.state === 'resumed') resumed.push(event.detail)
  })
  assert.match(resumed.join(), /epoch 1/)
  await train('whole', false)
  const weights = (name: string) => readFile(join(folder, name, 'teacher', 'weights.bin'))
  assert.deepEqual(await weights('full'), await weights('whole'))
})
