import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type TeacherOutputsKey, teacherOutputs } from '../../../training/recipes/teacher-outputs.js'

const folder = await mkdtemp(join(tmpdir(), 'lextier-outputs-'))
after(() => rm(folder, { recursive: true, force: true }))

const KEY: TeacherOutputsKey = {
  teacher: { 'classifier.bias': { shape: [2], values: Float32Array.of(0, 1) } },
  dataSha256: 'ab',
  tokenizerJson: '{}',
  sequences: [Int32Array.of(2, 7, 3), Int32Array.of(2, 3)],
}
const logits = (first: number) => [Float32Array.of(first, 1), Float32Array.of(2, 3)]

async function outputs(key: TeacherOutputsKey, first: number) {
  let computed = false
  const found = await teacherOutputs(folder, 'teacher', key, async () => {
    computed = true
    return logits(first)
  })
  return { found, computed }
}

test('outputs of the same teacher, data and tokenizer are computed once and read back as they were', async () => {
  assert.deepEqual(await outputs(KEY, 0.25), { found: logits(0.25), computed: true })
  assert.deepEqual(await outputs(structuredClone(KEY), 9), { found: logits(0.25), computed: false })
})

test('outputs of another teacher, other data or another tokenizer are not used', async () => {
  const others: Partial<TeacherOutputsKey>[] = [
    { teacher: { 'classifier.bias': { shape: [2], values: Float32Array.of(0, 1.0000001) } } },
    { dataSha256: 'cd' },
    { tokenizerJson: '{ }' },
    { sequences: [Int32Array.of(2, 7, 3, 2), Int32Array.of(3)] },
  ]
  for (const change of others) {
    await outputs(KEY, 1)
    assert.deepEqual(
      await outputs({ ...KEY, ...change }, 5),
      { found: logits(5), computed: true },
      Object.keys(change)[0],
    )
  }
})
