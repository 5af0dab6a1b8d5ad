import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openEncoder } from '../../src/onnx/encoder-session.js'
import { splitModel } from '../../src/onnx/external-weights.js'
import { decodeModel, externalBytes } from '../../src/onnx/protobuf.js'
import { buildPackedEncoder } from '../../src/onnx/variants/packed-encoder.js'
import { randomParameters } from '../support/random-parameters.js'
import { SMALL_ENCODER, SMALL_SEQUENCES } from '../support/small-encoder.js'

// a table that is worth a place of its own
const CONFIG = { ...SMALL_ENCODER, vocabSize: 2_000 }
const TABLE = 'embeddings.word_embeddings.weight'
const WHOLE = buildPackedEncoder(CONFIG, randomParameters(CONFIG, 7), 'int8', 'int8')

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'external-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function answers(model: string | Uint8Array, lookAt: () => Promise<void> = async () => {}) {
  const session = await openEncoder(model, CONFIG, { provider: 'cpu', threads: 1 })
  const logits = await session.run(SMALL_SEQUENCES.map((inputIds) => ({ inputIds })))
  await lookAt()
  await session.release()
  return logits
}

async function writeSplit(): Promise<string> {
  const { model, weights } = splitModel(WHOLE, 'outside.bin')
  await writeFile(join(folder, 'model.onnx'), model)
  await writeFile(join(folder, 'outside.bin'), weights)
  return join(folder, 'model.onnx')
}

test('a model whose large tensors lie beside it answers as the whole one', async () => {
  assert.deepEqual(await answers(await writeSplit()), await answers(WHOLE))
})

test('large tensors are moved, aligned, and small ones stay in the model', () => {
  const { model, weights } = splitModel(WHOLE, 'outside.bin')
  const tensors = decodeModel(model).graph!.initializer
  const moved = new Map(tensors.flatMap((tensor) => (externalBytes(tensor) ? [[tensor.name, tensor]] : [])))
  assert.deepEqual([...moved.keys()].sort(), [TABLE, `${TABLE}.scale`])
  for (const tensor of moved.values()) {
    const { location, offset, length } = externalBytes(tensor)!
    assert.equal(location, 'outside.bin')
    assert.equal(offset % 64, 0)
    assert.ok(offset + length <= weights.length)
    assert.equal(tensor.rawData.length, 0)
  }
  assert.ok(tensors.length > moved.size)
})

test('the file beside the model is mapped, not copied', {
  skip: existsSync('/proc/self/maps') ? false : 'only Linux tells what a process maps',
}, async () => {
  const file = await writeSplit()
  const maps = async () => (await readFile('/proc/self/maps', 'utf8')).includes(join(folder, 'outside.bin'))
  await answers(file, async () => assert.ok(await maps()))
  assert.equal(await maps(), false)
})
