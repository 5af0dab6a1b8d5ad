import assert from 'node:assert/strict'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { encoderConfig } from '../../../src/family/architectures.js'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import { NOISE_LENGTH } from '../../../training/nn/dropout.js'
import { encode } from '../../../training/nn/encoder.js'
import { initialParameters } from '../../../training/nn/initialise.js'
import { createRandom } from '../../../training/random.js'
import { maxDifference, toTensors } from './golden.js'

await tf.setBackend('cpu')

const sizes = { layers: 2, hiddenSize: 8, heads: 2, intermediateSize: 12 }
const make = (overrides: Partial<EncoderConfig> = {}) =>
  encoderConfig(sizes, { vocabSize: 20, maxPositions: 8, labels: 3, ...overrides })
const parametersOf = (config: EncoderConfig) => toTensors(initialParameters(config, createRandom(1)))
const batchOf = (ids: number[][]) => ({
  inputIds: tf.tensor2d(ids, undefined, 'int32'),
  attentionMask: tf.tensor2d(
    ids.map((row) => row.map((id) => (id === 0 ? 0 : 1))),
    undefined,
    'int32',
  ),
})
const noise = tf.tensor1d(createRandom(2).uniformVector(NOISE_LENGTH))

for (const pooling of ['cls', 'mean'] as const) {
  for (const pooler of ['tanh', 'relu', 'none'] as const) {
    test(`padding changes nothing (${pooling} pooling, ${pooler} pooler)`, () => {
      const config = make({ pooling, pooler })
      const parameters = parametersOf(config)
      const short = encode(parameters, config, batchOf([[2, 5, 6, 3]])).logits.dataSync()
      const padded = encode(
        parameters,
        config,
        batchOf([
          [2, 5, 6, 3, 0, 0, 0],
          [2, 7, 8, 9, 10, 11, 3],
        ]),
      )
      assert.ok(maxDifference(padded.logits.dataSync().slice(0, 3), short) < 1e-6)
    })
  }
}

test('mean pooling is the mean of the last hidden states of real tokens', () => {
  const config = make({ pooling: 'mean', pooler: 'none' })
  const batch = batchOf([[2, 5, 6, 3, 0, 0]])
  const outputs = encode(parametersOf(config), config, batch, { collect: { hiddenStates: true } })
  const states = outputs.hiddenStates!.at(-1)!.arraySync()[0]!.slice(0, 4)
  const mean = states[0]!.map((_, column) => states.reduce((sum, state) => sum + state[column]! / 4, 0))
  assert.ok(maxDifference(outputs.pooled.dataSync(), mean) < 1e-6)
})

test('a row of nothing but padding still gives finite logits', () => {
  const config = make({ pooling: 'mean' })
  const { logits } = encode(
    parametersOf(config),
    config,
    batchOf([
      [2, 5, 3],
      [0, 0, 0],
    ]),
  )
  assert.ok([...logits.dataSync()].every(Number.isFinite))
})

test('collected attention has the documented shapes, and scores from its queries and keys', () => {
  const config = make()
  const { attention } = encode(parametersOf(config), config, batchOf([[2, 5, 3, 0]]), { collect: { attention: true } })
  assert.equal(attention!.length, config.layers)
  const [{ queries, keys, values, scores }] = attention as [NonNullable<typeof attention>[number]]
  for (const tensor of [queries, keys, values]) assert.deepEqual(tensor.shape, [1, 2, 4, 4])
  const expected = tf.mul(tf.matMul(queries, keys, false, true), 0.5) // √(8/2) = 2
  assert.ok(maxDifference(scores.dataSync(), expected.dataSync()) < 1e-6)
})

test('dropout changes the logits, repeats with its noise, and is off without it', () => {
  const config = make()
  const parameters = parametersOf(config)
  const batch = batchOf([[2, 5, 6, 3]])
  const logits = (dropout?: { rate: number; attentionRate?: number }) => [
    ...encode(parameters, config, batch, { dropout: dropout && { ...dropout, noise } }).logits.dataSync(),
  ]
  assert.deepEqual(logits({ rate: 0.3 }), logits({ rate: 0.3 }))
  assert.notDeepEqual(logits({ rate: 0.3 }), logits())
  assert.notDeepEqual(logits({ rate: 0, attentionRate: 0.3 }), logits())
  assert.deepEqual(logits({ rate: 0 }), logits())
})

test('more tokens than positions are refused with a way out', () => {
  const config = make({ maxPositions: 3 })
  assert.throws(() => encode(parametersOf(config), config, batchOf([[2, 5, 6, 3]])), {
    code: 'SHAPE_MISMATCH',
    message: /4 tokens do not fit 3 positions/,
  })
})
