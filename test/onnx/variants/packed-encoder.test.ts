import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import { parameterSpecs } from '../../../src/family/parameters.js'
import type { HostTensors } from '../../../src/family/tensor.js'
import { buildPortableModel } from '../../../src/onnx/portable-model.js'
import { decodeModel } from '../../../src/onnx/protobuf.js'
import { readWeights } from '../../../src/onnx/read-weights.js'
import type { Precision } from '../../../src/onnx/stored-weights.js'
import type { LinearArithmetic } from '../../../src/onnx/variants/linear.js'
import { buildPackedEncoder } from '../../../src/onnx/variants/packed-encoder.js'
import { logitsOf } from '../../support/logits-of.js'
import { randomParameters } from '../../support/random-parameters.js'
import { referenceLogits } from '../../support/reference-encoder.js'
import { ENCODER_CHOICES, SMALL_ENCODER, SMALL_SEQUENCES } from '../../support/small-encoder.js'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packed-'))
})
after(() => rm(folder, { recursive: true, force: true }))

let count = 0
/** @returns the weights as a family stores them */
async function stored(config: EncoderConfig, precision: Precision): Promise<HostTensors> {
  const dir = await mkdtemp(join(folder, `${count++}-`))
  const { model, weights } = buildPortableModel(config, randomParameters(config, 7), precision)
  await writeFile(join(dir, 'weights.bin'), weights)
  await writeFile(join(dir, 'model.onnx'), model)
  return readWeights(join(dir, 'model.onnx'), config)
}

const CHOICES: [string, Partial<EncoderConfig>][] = [
  ...ENCODER_CHOICES,
  ['one head, one layer', { heads: 1, layers: 1 }],
]

for (const [name, overrides] of CHOICES) {
  test(`the fp32 variant computes what the formulas say, for texts of several lengths at once: ${name}`, async () => {
    const config = { ...SMALL_ENCODER, ...overrides }
    for (const precision of ['fp16', 'int8'] as const) {
      const weights = await stored(config, precision)
      const [logits] = await logitsOf(buildPackedEncoder(config, weights, precision, 'fp32'), config, [SMALL_SEQUENCES])
      SMALL_SEQUENCES.forEach((inputIds, i) => {
        referenceLogits(config, weights, inputIds).forEach((expected, label) => {
          assert.ok(Math.abs(logits![i]![label]! - expected) < 2e-5, `${logits![i]![label]} is not ${expected}`)
        })
      })
    }
  })
}

for (const arithmetic of ['fp32', 'int8'] satisfies LinearArithmetic[]) {
  test(`${arithmetic}: a text's logits do not depend on the texts it is batched with`, async () => {
    const weights = await stored(SMALL_ENCODER, 'int8')
    const batches = [SMALL_SEQUENCES, ...SMALL_SEQUENCES.map((sequence) => [sequence]), SMALL_SEQUENCES.toReversed()]
    const model = buildPackedEncoder(SMALL_ENCODER, weights, 'int8', arithmetic)
    const [together, ...others] = await logitsOf(model, SMALL_ENCODER, batches)
    const reversed = others.pop()!
    SMALL_SEQUENCES.forEach((_, i) => {
      for (const other of [others[i]![0]!, reversed[SMALL_SEQUENCES.length - 1 - i]!]) {
        together![i]!.forEach((value, label) => {
          assert.ok(Math.abs(value - other[label]!) < 1e-5, `${value} is not ${other[label]}`)
        })
      }
    })
  })
}

test('with [CLS] pooling the last layer makes neither keys nor values of the other tokens', async () => {
  const weights = await stored(SMALL_ENCODER, 'fp16')
  const names = (pooling: EncoderConfig['pooling']) => {
    const { initializer } = decodeModel(buildPackedEncoder({ ...SMALL_ENCODER, pooling }, weights, 'fp16', 'fp32'))
      .graph!
    return initializer
      .map(({ name }) => name)
      .filter((name) => /layer\.\d+\.attention\.self\.(key|value)\.weight/.test(name))
  }
  assert.equal(names('mean').length, 2 * SMALL_ENCODER.layers)
  assert.equal(names('cls').length, 2 * (SMALL_ENCODER.layers - 1))
})

test('kernels are stored as int8 with a scale a column, exactly as weights.bin has them', async () => {
  const config: EncoderConfig = { ...SMALL_ENCODER, pooling: 'mean' }
  const weights = await stored(config, 'int8')
  const tensors = decodeModel(buildPackedEncoder(config, weights, 'int8', 'int8')).graph!.initializer
  for (const { name, kind, shape } of parameterSpecs(config)) {
    if (kind !== 'kernel' || !name.startsWith('encoder.')) continue
    const kernel = tensors.find((tensor) => tensor.name === name)!
    const bytes = tensors.find((tensor) => tensor.name === `${name}.scale`)!.rawData
    const scales = new Float32Array(new Uint8Array(bytes).buffer)
    const levels = new Int8Array(new Uint8Array(kernel.rawData).buffer)
    weights[name]!.values.forEach((value, i) => {
      assert.ok(Math.abs(levels[i]! * scales[i % shape[1]!]! - value) < 1e-7, name)
    })
  }
})
