/** Against transformers' BertForMaskedLM; the origin of the golden values is test/fixtures/masked-lm/make.py. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import fc from 'fast-check'
import type { HostTensors } from '../../../src/family/tensor.js'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { huggingFaceName } from '../../../training/checkpoint/parameter-names.js'
import { transpose } from '../../../training/checkpoint/read-parameters.js'
import { saveEncoder } from '../../../training/checkpoint/save-checkpoint.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import type { Device } from '../../../training/engine/types.js'
import {
  maskedLanguageModel,
  maskedLanguageModelSums,
  maskedTokenLoss,
} from '../../../training/losses/masked-language-model.js'
import { encode } from '../../../training/nn/encoder.js'
import { initialMaskedLmHead, isMaskedLmParameter, maskedLmLogits } from '../../../training/nn/masked-lm-head.js'
import { initialTrainState, makeTrainStep, trainedParameters } from '../../../training/optim/train-step.js'
import { createRandom } from '../../../training/random.js'
import { readTensors, temporaryFolder } from '../checkpoint/folders.js'
import { assertClose } from '../engine/closeness.js'
import { finiteDifferences } from '../nn/finite-differences.js'
import { maxDifference, toTensors } from '../nn/golden.js'

await tf.setBackend('cpu')

const FOLDER = fileURLToPath(new URL('../../fixtures/masked-lm/', import.meta.url))
const checkpoint = await loadCheckpoint(FOLDER, { seed: 1, maskedLmHead: true })
const golden = await readTensors(join(FOLDER, 'golden.safetensors'))
const { config } = checkpoint
const parameters: HostTensors = { ...checkpoint.parameters, ...checkpoint.maskedLmHead! }
const int32 = (rows: readonly (readonly number[])[]) => ({
  shape: [rows.length, rows[0]!.length],
  values: Int32Array.from(rows.flat()),
})
const inputIds = [
  [2, 5, 4, 7, 8, 4, 10, 3],
  [2, 4, 21, 22, 3, 0, 0, 0],
]
/** three places a row, of which the second row fills one */
const batch: HostTensors = {
  inputIds: int32(inputIds),
  attentionMask: int32(inputIds.map((row) => row.map((id) => Number(id !== 0)))),
  maskedPositions: int32([
    [2, 5, 6],
    [1, 0, 0],
  ]),
  maskedIds: int32([
    [6, 9, 10],
    [20, 0, 0],
  ]),
  maskedWeights: { shape: [2, 3], values: Float32Array.of(1, 1, 1, 1, 0, 0) },
}
const scalar = (tensor: tf.Tensor) => tensor.dataSync()[0]!

test('a masked language model that transformers wrote has its logits, its loss and its counts', () => {
  const [tensors, fields] = [toTensors(parameters), toTensors(batch)]
  const outputs = encode(tensors, config, fields as never, { collect: { hiddenStates: true } })
  const states = outputs.hiddenStates!.at(-1)!
  const logits = maskedLmLogits(tensors, config, states, fields.maskedPositions as tf.Tensor2D)
  assert.ok(maxDifference(logits.slice([0, 0], [4, -1]).dataSync(), golden.logits!.values) < 2e-5)
  const loss = maskedLanguageModel(config)
  const { total, parts } = loss.compute({ outputs, batch: fields, frozen: {}, parameters: tensors })
  assert.ok(Math.abs(scalar(total) - golden.loss!.values[0]!) < 1e-5)
  assert.deepEqual(Object.keys(parts), ['masked'])
  const sums = maskedLanguageModelSums(tensors, config, outputs, fields)
  assert.ok(Math.abs(scalar(sums.nll!) / 4 - golden.loss!.values[0]!) < 1e-5)
  const rows = golden.logits!.values
  const vocabulary = config.vocabSize
  const right = [6, 9, 10, 20].filter((id, i) => {
    const row = rows.slice(i * vocabulary, (i + 1) * vocabulary)
    return row.indexOf(Math.max(...row)) === id
  })
  assert.deepEqual([scalar(sums.correct!), scalar(sums.places!)], [right.length, 4])
})

async function firstStep(device: Device) {
  // plain gradient descent in disguise: without decay, and with moments and epsilon that leave a step of the gradient itself
  const step = makeTrainStep({
    config,
    loss: maskedLanguageModel(config),
    optimiser: {
      decays: () => false,
      weightDecay: 0,
      beta1: 0,
      beta2: 0,
      epsilon: 1e6,
      clipNorm: Number.POSITIVE_INFINITY,
    },
  })
  const trainer = await (await createEngine(device, { threads: 1 })).trainer(step, initialTrainState(parameters))
  const fields = { ...batch, learningRate: { shape: [], values: Float32Array.of(1e6) } }
  const [outputs] = await trainer.run([fields])
  const after = trainedParameters(await trainer.state())
  await trainer.dispose()
  const gradients = Object.entries(after).map(([name, { shape, values }]) => {
    const before = parameters[name]!.values
    return [name, { shape, values: Float32Array.from(values, (value, i) => before[i]! - value) }] as const
  })
  return { loss: outputs!.loss!.values[0]!, gradients: Object.fromEntries(gradients) as HostTensors }
}

for (const device of ['tfjs:cpu', 'cpu'] as const) {
  test(`every parameter's gradient is PyTorch's, the tied embeddings' included (${device})`, async () => {
    const { loss, gradients } = await firstStep(device)
    assert.ok(Math.abs(loss - golden.loss!.values[0]!) < 1e-5)
    let compared = 0
    for (const [name, { shape, values }] of Object.entries(gradients)) {
      const expected = golden[`gradient/${huggingFaceName(name, 'bert')}`]
      if (expected === undefined) {
        assert.match(name, /^(pooler|classifier)\./)
        assert.ok(
          values.every((value) => value === 0),
          `${name} has no part in the loss`,
        )
        continue
      }
      const isKernel = name.endsWith('.weight') && shape.length === 2 && !name.startsWith('embeddings.')
      const oriented = isKernel ? transpose(expected) : expected.values
      assert.ok(maxDifference(values, oriented) < 2e-5, `${name}: ${maxDifference(values, oriented)}`)
      compared++
    }
    assert.equal(compared, Object.keys(golden).length - 2)
  })
}

test('the loss is the mean of −log p over the places that count, and its gradient that of the formula', () => {
  const place = fc.record({
    logits: fc.array(fc.double({ min: -6, max: 6, noNaN: true }), { minLength: 5, maxLength: 5 }),
    id: fc.nat(4),
    weight: fc.constantFrom(0, 1),
  })
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 4 }), (places) => {
      const counted = places.filter(({ weight }) => weight === 1)
      const losses = counted.map(({ logits, id }) => {
        const largest = Math.max(...logits)
        return largest + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - largest), 0)) - logits[id]!
      })
      const expected = losses.reduce((sum, loss) => sum + loss, 0) / Math.max(1, losses.length)
      const ids = tf.tensor1d(
        places.map(({ id }) => id),
        'int32',
      )
      const weights = tf.tensor1d(places.map(({ weight }) => weight))
      const f = (logits: tf.Tensor) => maskedTokenLoss(logits as tf.Tensor2D, ids, weights)
      const logits = tf.tensor2d(places.map(({ logits }) => logits))
      assert.ok(Math.abs(scalar(f(logits)) - expected) < 1e-5 * (1 + expected))
      assert.ok(maxDifference(tf.grad(f)(logits).dataSync(), finiteDifferences(f, logits)) < 2e-3)
    }),
    { numRuns: 20 },
  )
  assert.throws(() => maskedTokenLoss(tf.zeros([2, 5]), tf.tensor1d([1], 'int32'), tf.tensor1d([1, 1])), {
    code: 'SHAPE_MISMATCH',
  })
})

test('an encoder saved with its head is read back whole; without classifier and pooler, which start fresh', async (t) => {
  const folder = join(await temporaryFolder(t), 'saved')
  for (const typeVocabSize of [2, 0]) {
    const own = { ...config, typeVocabSize, pooler: typeVocabSize === 0 ? ('relu' as const) : ('tanh' as const) }
    const maskedLmHead = initialMaskedLmHead(own, createRandom(3))
    const encoder = Object.fromEntries(
      Object.entries(checkpoint.parameters).filter(([name]) => typeVocabSize > 0 || !name.includes('token_type')),
    )
    const { tokenizerJson } = checkpoint
    await saveEncoder(folder, { config: own, parameters: encoder, maskedLmHead, tokenizerJson })
    const loaded = await loadCheckpoint(folder, { seed: 9, labels: 3, maskedLmHead: true })
    assertClose(loaded.maskedLmHead!, maskedLmHead, { absolute: 0, relative: 0 })
    assert.deepEqual(loaded.unexpected, [])
    assert.deepEqual(
      loaded.missing.map((name) => name.split('.')[0]),
      ['pooler', 'pooler', 'classifier', 'classifier'],
    )
    for (const [name, { values }] of Object.entries(encoder)) {
      if (!/^(pooler|classifier)/.test(name)) assert.deepEqual(loaded.parameters[name]!.values, values, name)
    }
    await saveEncoder(folder, { config: own, parameters: encoder, tokenizerJson })
    assert.equal((await loadCheckpoint(folder, { seed: 9, maskedLmHead: true })).maskedLmHead, undefined)
  }
  assert.ok(Object.keys(parameters).filter(isMaskedLmParameter).length === 5)
})
