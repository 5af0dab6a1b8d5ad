import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import type { HostTensors } from '../../../src/family/tensor.js'
import { openExplainer } from '../../../src/onnx/explain-session.js'
import { buildPortableModel } from '../../../src/onnx/portable-model.js'
import { decodeModel, externalBytes } from '../../../src/onnx/protobuf.js'
import { readWeights } from '../../../src/onnx/read-weights.js'
import type { Precision } from '../../../src/onnx/stored-weights.js'
import { attributeSequences } from '../../../training/attribution/attribute-sequences.js'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { buildExplainModel } from '../../../training/export/explain-model.js'
import { randomParameters } from '../../support/random-parameters.js'
import { SMALL_ENCODER } from '../../support/small-encoder.js'
import { CHECKPOINTS, maxDifference } from '../nn/golden.js'

const SEQUENCES = [
  [2, 5, 9, 3],
  [2, 7, 7, 8, 40, 41, 49, 3],
  [2, 30, 3],
  [2, ...Array.from({ length: 18 }, (_, i) => 10 + i), 3],
]
const TARGETS = [0, 2, 1, 1]

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'explain-'))
})
after(() => rm(folder, { recursive: true, force: true }))

let count = 0
async function write(config: EncoderConfig, parameters: HostTensors, precision: Precision, steps?: number) {
  const dir = await mkdtemp(join(folder, `${count++}-`))
  const { model, weights } = buildPortableModel(config, parameters, precision)
  await writeFile(join(dir, 'weights.bin'), weights)
  await writeFile(join(dir, 'model.onnx'), model)
  await writeFile(join(dir, 'explain.onnx'), buildExplainModel(config, model, steps === undefined ? {} : { steps }))
  return { model: join(dir, 'model.onnx'), explain: join(dir, 'explain.onnx') }
}

const CHOICES: [string, Precision, Partial<EncoderConfig>][] = [
  ['BERT (gelu, [CLS], tanh pooler)', 'fp16', {}],
  ['int8 weights', 'int8', {}],
  ['DistilBERT (no token types, relu pooler)', 'fp16', { typeVocabSize: 0, pooler: 'relu' }],
  ['mean pooling without a pooler, gelu_new', 'int8', { pooling: 'mean', pooler: 'none', activation: 'gelu_new' }],
  ['a pad token that is not 0', 'fp16', { padTokenId: 11, layers: 1, heads: 1 }],
]

for (const [name, precision, overrides] of CHOICES) {
  test(`explain.onnx gives what the engine gives, at every length: ${name}`, async () => {
    const config = { ...SMALL_ENCODER, ...overrides }
    const files = await write(config, randomParameters(config, 7), precision, 6)
    const engine = await createEngine('cpu', { threads: 1 })
    const parameters = await readWeights(files.model, config)
    const expected = await attributeSequences(engine, { config, parameters }, SEQUENCES, TARGETS, { steps: 6 })
    const session = await openExplainer(files.explain, config, { provider: 'cpu', threads: 1 })
    for (const [i, inputIds] of SEQUENCES.entries()) {
      const { attributions, delta } = await session.run({ inputIds }, TARGETS[i]!)
      assert.ok(
        maxDifference(attributions, expected[i]!.tokens) < 2e-6,
        `${attributions} is not ${expected[i]!.tokens}`,
      )
      assert.ok(Math.abs(delta - expected[i]!.delta) < 5e-6)
    }
    await session.release()
  })
}

test('explain.onnx of a BERT equals Captum within what fp16 weights cost', async () => {
  const golden = JSON.parse(await readFile(new URL('../../fixtures/attribution/golden.json', import.meta.url), 'utf8'))
  const { config, parameters } = await loadCheckpoint(`${CHECKPOINTS}tiny-bert`, { seed: 1 })
  const { explain } = await write(config, parameters, 'fp16')
  const session = await openExplainer(explain, config, { provider: 'cpu', threads: 1 })
  for (const [i, ids] of (golden.inputIds as number[][]).entries()) {
    const inputIds = ids.filter((id) => id !== 0)
    const { attributions, delta } = await session.run({ inputIds }, golden.targets[i])
    const expected = golden['tiny-bert'][50].attributions[i].slice(0, inputIds.length)
    assert.ok(maxDifference(attributions, expected) < 1e-3)
    assert.ok(Math.abs(delta) < 1e-5)
  }
  await session.release()
})

test('padding after the text changes nothing and is given nothing', async () => {
  const { explain } = await write(SMALL_ENCODER, randomParameters(SMALL_ENCODER, 5), 'fp16', 6)
  const session = await InferenceSession.create(explain, { intraOpNumThreads: 1 })
  const int64 = (values: number[], shape: number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), shape)
  const run = async (ids: number[], mask: number[]) =>
    (
      await session.run({
        input_ids: int64(ids, [1, ids.length]),
        attention_mask: int64(mask, [1, ids.length]),
        target: int64([2], []),
      })
    ).attributions!.data as Float32Array
  const alone = await run([2, 7, 8, 3], [1, 1, 1, 1])
  const padded = await run([2, 7, 8, 3, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0])
  assert.ok(maxDifference(padded, [...alone, 0, 0, 0]) < 1e-6)
  await session.release()
})

test('the graph has standard operators only and finds its weights where model.onnx does', async () => {
  const { model, explain } = await write(SMALL_ENCODER, randomParameters(SMALL_ENCODER, 3), 'int8', 6)
  const read = async (file: string) => decodeModel(await readFile(file))
  const places = async (file: string) =>
    new Map(
      (await read(file)).graph!.initializer.flatMap((tensor) => {
        const bytes = externalBytes(tensor)
        return bytes ? [[tensor.name, bytes] as const] : []
      }),
    )
  const loop = await read(explain)
  assert.deepEqual(
    loop.opsetImport.map(({ domain }) => domain),
    [''],
  )
  const inner = loop.graph!.node.flatMap((node) => node.attribute.flatMap(({ g }) => g?.node ?? []))
  assert.ok(inner.length > 100)
  assert.ok([...loop.graph!.node, ...inner].every(({ domain }) => domain === ''))
  const modelPlaces = await places(model)
  assert.deepEqual(await places(explain), modelPlaces)
  const inside = loop.graph!.initializer.reduce((sum, { rawData }) => sum + rawData.length, 0)
  assert.ok(inside < 2000, `${inside} bytes of constants are in the graph itself`)
})

test('a label that there is not is refused before anything runs', async () => {
  const { explain } = await write(SMALL_ENCODER, randomParameters(SMALL_ENCODER, 3), 'fp16', 6)
  const session = await openExplainer(explain, SMALL_ENCODER, { provider: 'cpu', threads: 1 })
  await assert.rejects(session.run({ inputIds: [2, 5, 3] }, 3), { code: 'SHAPE_MISMATCH', message: /label 3/ })
  await assert.rejects(session.run({ inputIds: [] }, 0), { code: 'SHAPE_MISMATCH' })
  await session.release()
})
