import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import type { HostTensors } from '../../../src/family/tensor.js'
import { decodeModel } from '../../../src/onnx/protobuf.js'
import { deriveVariant } from '../../../src/onnx/variants/derive-variant.js'
import { buildOneLayerEncoder } from '../../../src/onnx/variants/one-layer-encoder.js'
import { logitsOf } from '../../support/logits-of.js'
import { randomParameters } from '../../support/random-parameters.js'
import { referenceLogits } from '../../support/reference-encoder.js'
import { ENCODER_CHOICES, SMALL_ENCODER, SMALL_SEQUENCES } from '../../support/small-encoder.js'

const CLS = SMALL_SEQUENCES[0]![0]!
const ONE_LAYER: EncoderConfig = { ...SMALL_ENCODER, layers: 1 }

function largestDifference(config: EncoderConfig, weights: HostTensors, logits: readonly Float32Array[]): number {
  const differences = SMALL_SEQUENCES.flatMap((inputIds, i) =>
    referenceLogits(config, weights, inputIds).map((expected, label) => Math.abs(logits[i]![label]! - expected)),
  )
  return Math.max(...differences)
}

const CHOICES: [string, EncoderConfig][] = ENCODER_CHOICES.map(([name, overrides]): [string, EncoderConfig] => [
  name,
  { ...ONE_LAYER, ...overrides },
]).filter(([, { pooling }]) => pooling === 'cls')

for (const [name, config] of [...CHOICES, ['one head', { ...ONE_LAYER, heads: 1 }] as const]) {
  test(`fp32 computes what the formulas say, for texts of several lengths at once: ${name}`, async () => {
    const weights = randomParameters(config, 7)
    const [logits] = await logitsOf(buildOneLayerEncoder(config, weights, CLS, 'fp32'), config, [SMALL_SEQUENCES])
    assert.ok(largestDifference(config, weights, logits!) < 2e-5, `${largestDifference(config, weights, logits!)}`)
  })
}

test('int8 comes near it', async () => {
  const weights = randomParameters(ONE_LAYER, 7)
  const [logits] = await logitsOf(buildOneLayerEncoder(ONE_LAYER, weights, CLS, 'int8'), ONE_LAYER, [SMALL_SEQUENCES])
  const difference = largestDifference(ONE_LAYER, weights, logits!)
  assert.ok(difference > 1e-7 && difference < 0.05, `${difference}`)
})

for (const arithmetic of ['fp32', 'int8'] as const) {
  test(`${arithmetic}: a text's logits do not depend on the texts it is batched with`, async () => {
    const model = buildOneLayerEncoder(ONE_LAYER, randomParameters(ONE_LAYER, 7), CLS, arithmetic)
    const batches = [SMALL_SEQUENCES, ...SMALL_SEQUENCES.map((sequence) => [sequence]), SMALL_SEQUENCES.toReversed()]
    const [together, ...others] = await logitsOf(model, ONE_LAYER, batches)
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

test('it is the form of one layer that is read at [CLS], on CPUs', () => {
  const nameOf = (provider: 'cpu' | 'cuda', overrides: Partial<EncoderConfig>) => {
    const config = { ...ONE_LAYER, ...overrides }
    const variant = provider === 'cpu' ? 'fused_int8' : 'fused_fp16'
    const weights = randomParameters(config, 7)
    return decodeModel(deriveVariant({ provider, variant, config, precision: 'int8', clsId: CLS, weights })).graph!.name
  }
  assert.equal(nameOf('cpu', {}), 'one_layer_encoder')
  assert.equal(nameOf('cpu', { layers: 2 }), 'packed_encoder')
  assert.equal(nameOf('cpu', { pooling: 'mean' }), 'packed_encoder')
  assert.equal(nameOf('cuda', {}), 'gpu_encoder')
})
