import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { saveCheckpoint } from '../../../training/checkpoint/save-checkpoint.js'
import { type StudentOrigin, studentStart } from '../../../training/recipes/base-model.js'
import { assertSameTokenizer } from '../../../training/recipes/shared-tokenizer.js'
import { CHECKPOINTS } from '../nn/golden.js'

const folder = await mkdtemp(join(tmpdir(), 'lextier-student-start-'))
after(() => rm(folder, { recursive: true, force: true }))

const LABELS = ['civil', 'criminal', 'tax']
const teacher = await loadCheckpoint(join(CHECKPOINTS, 'tiny-bert'), { seed: 1 })
const options = { seed: 1, cacheFolder: folder, tokenizerJson: teacher.tokenizerJson, labelNames: LABELS }

async function checkpoint(name: string, labelNames: readonly string[], tokenizerJson = teacher.tokenizerJson) {
  const { config, parameters } = teacher
  await saveCheckpoint(join(folder, name), { config, parameters, tokenizerJson, labelNames: [...labelNames] })
  return { tier: 'fast', base: join(folder, name) }
}

const withTokenizer = (change: (json: ReturnType<typeof JSON.parse>) => void) => {
  const json = JSON.parse(teacher.tokenizerJson)
  change(json)
  return JSON.stringify(json)
}
const swapped = withTokenizer(({ model: { vocab } }) => {
  ;[vocab.court, vocab.held] = [vocab.held, vocab.court]
})

test('a student starts from a checkpoint with the labels and the tokenizer of its teacher', async () => {
  const start = await studentStart(await checkpoint('same', LABELS), teacher, options)
  assert.deepEqual(start.parameters, teacher.parameters)
  assert.match(start.initialisation, /pre-trained checkpoint same/)
})

test('a student pools its states as its teacher does, unless it says otherwise', async () => {
  const fromLayers: StudentOrigin = { tier: 'fast', teacher_layers: [0] }
  const fromSizes: StudentOrigin = {
    tier: 'fast',
    architecture: { layers: 1, hidden_size: 8, heads: 2, intermediate_size: 16 },
  }
  assert.equal(teacher.config.pooling, 'cls')
  for (const student of [fromLayers, fromSizes, await checkpoint('pooled', LABELS)]) {
    assert.equal((await studentStart(student, teacher, options)).config.pooling, 'cls')
    assert.equal((await studentStart({ ...student, pooling: 'mean' }, teacher, options)).config.pooling, 'mean')
  }
})

test('a checkpoint whose classifier has the labels in another order, or other labels, is refused', async () => {
  for (const labels of [
    ['criminal', 'civil', 'tax'],
    ['good', 'bad', 'ugly'],
  ]) {
    await assert.rejects(studentStart(await checkpoint('labels', labels), teacher, options), {
      code: 'SHAPE_MISMATCH',
      message: /labels of the teacher are \["civil", "criminal", "tax"\], those of students\.fast\.base labels/,
    })
  }
})

test('a checkpoint made with another tokenizer is refused, though its vocabulary is as large', async () => {
  await assert.rejects(studentStart(await checkpoint('tokens', LABELS, swapped), teacher, options), {
    code: 'INVALID_CONFIGURATION',
    message: /students\.fast\.base: its tokenizer is not the teacher's: "(court|held)" is id \d+ here and id \d+ there/,
  })
})

test('tokenizers differ by vocabulary and case, not by what they pad or cut', () => {
  const source = 'students.fast.base'
  const own = (json: string) => () => assertSameTokenizer(source, { own: json, teacher: teacher.tokenizerJson })
  const padded = withTokenizer((json) => {
    json.padding = { strategy: 'BatchLongest' }
    json.truncation = { max_length: 8 }
  })
  assert.doesNotThrow(own(padded))
  const extended = withTokenizer(({ model: { vocab } }) => {
    vocab.habeas = 999
  })
  assert.throws(own(extended), /"habeas" is id 999 here and no token there/)
  const cased = withTokenizer(({ normalizer }) => {
    normalizer.lowercase = !normalizer.lowercase
  })
  assert.throws(own(cased), /(lowers|keeps) case .*the teacher's (lowers|keeps) case/)
})
