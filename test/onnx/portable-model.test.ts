import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { parameterSpecs } from '../../src/family/parameters.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { openEncoder } from '../../src/onnx/encoder-session.js'
import { buildPortableModel } from '../../src/onnx/portable-model.js'
import { readWeights } from '../../src/onnx/read-weights.js'
import type { Precision } from '../../src/onnx/stored-weights.js'
import { randomParameters } from '../support/random-parameters.js'
import { referenceLogits } from '../support/reference-encoder.js'
import { ENCODER_CHOICES, SMALL_ENCODER, SMALL_SEQUENCES } from '../support/small-encoder.js'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portable-'))
})
after(() => rm(folder, { recursive: true, force: true }))

let count = 0
async function write(config: EncoderConfig, parameters: HostTensors, precision: Precision): Promise<string> {
  const dir = await mkdtemp(join(folder, `${count++}-`))
  const { model, weights } = buildPortableModel(config, parameters, precision)
  await writeFile(join(dir, 'weights.bin'), weights)
  await writeFile(join(dir, 'model.onnx'), model)
  return join(dir, 'model.onnx')
}

const CHOICES: [string, Partial<EncoderConfig>][] = [
  ...ENCODER_CHOICES,
  ['one head, no layers below the pooler but one', { heads: 1, layers: 1 }],
  ['a pad token that is not 0', { padTokenId: 11 }],
]

for (const [name, overrides] of CHOICES) {
  test(`the exported model computes what the formulas say, padded in a batch: ${name}`, async () => {
    const config = { ...SMALL_ENCODER, ...overrides }
    for (const precision of ['fp16', 'int8'] as const) {
      const modelFile = await write(config, randomParameters(config, 7), precision)
      const session = await openEncoder(modelFile, config, { provider: 'cpu', threads: 1 })
      const logits = await session.run(SMALL_SEQUENCES.map((inputIds) => ({ inputIds })))
      await session.release()
      // with the weights as stored, only fp32 rounding is left
      const stored = await readWeights(modelFile, config)
      SMALL_SEQUENCES.forEach((inputIds, i) => {
        referenceLogits(config, stored, inputIds).forEach((expected, label) => {
          assert.ok(Math.abs(logits[i]![label]! - expected) < 2e-5, `${logits[i]![label]} is not ${expected}`)
        })
      })
    }
  })
}

test('weights read back are the parameters, to the precision they were stored in', async () => {
  const parameters = randomParameters(SMALL_ENCODER, 3)
  const tolerance = { fp16: 0.3 * 2 ** -11, int8: (0.3 / 127) * 0.51 }
  for (const precision of ['fp16', 'int8'] as const) {
    const back = await readWeights(await write(SMALL_ENCODER, parameters, precision), SMALL_ENCODER)
    for (const { name, shape, kind } of parameterSpecs(SMALL_ENCODER)) {
      assert.deepEqual(back[name]!.shape, shape)
      const exact = kind !== 'kernel' && kind !== 'embedding'
      back[name]!.values.forEach((value, i) => {
        const error = Math.abs(value - parameters[name]!.values[i]!)
        assert.ok(error <= (exact ? 0 : tolerance[precision]), `${name}[${i}] is off by ${error}`)
      })
    }
  }
})

test('a parameter that is missing or of another shape is named', () => {
  const parameters = randomParameters(SMALL_ENCODER, 1)
  const { 'classifier.bias': _, ...incomplete } = parameters
  assert.throws(() => buildPortableModel(SMALL_ENCODER, incomplete, 'fp16'), {
    code: 'SHAPE_MISMATCH',
    message: /classifier\.bias/,
  })
  assert.throws(() => buildPortableModel({ ...SMALL_ENCODER, labels: 2 }, parameters, 'fp16'), {
    code: 'SHAPE_MISMATCH',
    message: /classifier\.weight.*\[24, 3\].*\[24, 2\]/,
  })
})

test('weights of another config are refused by name, not read as something else', async () => {
  const modelFile = await write(SMALL_ENCODER, randomParameters(SMALL_ENCODER, 1), 'fp16')
  await assert.rejects(readWeights(modelFile, { ...SMALL_ENCODER, vocabSize: 51 }), {
    code: 'FAMILY_INVALID',
    message: /word_embeddings/,
  })
  await writeFile(modelFile, 'not a model')
  await assert.rejects(readWeights(modelFile, SMALL_ENCODER), { code: 'FAMILY_INVALID', message: /not an ONNX model/ })
})
