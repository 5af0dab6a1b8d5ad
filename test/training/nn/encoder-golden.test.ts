import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { parameterSpecs } from '../../../src/family/parameters.js'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { candidateNames } from '../../../training/checkpoint/parameter-names.js'
import type { Tensors } from '../../../training/engine/types.js'
import { crossEntropy } from '../../../training/losses/cross-entropy.js'
import { encode } from '../../../training/nn/encoder.js'
import { CHECKPOINTS, loadGolden, maxDifference, toTensors } from './golden.js'

await tf.setBackend('cpu')

for (const name of ['tiny-bert', 'tiny-distilbert'] as const) {
  test(`logits and every hidden state of ${name} equal those of transformers`, async () => {
    const { checkpoint, batch, expected } = await loadGolden(name)
    const outputs = encode(toTensors(checkpoint.parameters), checkpoint.config, batch, {
      collect: { hiddenStates: true },
    })
    assert.equal(outputs.hiddenStates!.length, checkpoint.config.layers + 1)
    for (const [layer, state] of outputs.hiddenStates!.entries()) {
      assert.ok(maxDifference(state.dataSync(), expected[`hidden.${layer}`]!.values) < 1e-5, `hidden state ${layer}`)
    }
    assert.ok(maxDifference(outputs.logits.dataSync(), expected.logits!.values) < 1e-5)
  })

  test(`the loss of ${name} and its gradient for every parameter equal PyTorch's`, async () => {
    const { checkpoint, batch, labels, expected } = await loadGolden(name)
    const { config } = checkpoint
    const modelType = name === 'tiny-bert' ? 'bert' : 'distilbert'
    const specs = parameterSpecs(config)
    const parameters = toTensors(checkpoint.parameters)
    const { value, grads } = tf.valueAndGrads((...values: tf.Tensor[]) => {
      const named: Tensors = Object.fromEntries(specs.map((spec, index) => [spec.name, values[index]!]))
      return crossEntropy(encode(named, config, batch).logits, tf.tensor1d(labels, 'int32'))
    })(specs.map((spec) => parameters[spec.name]!))
    assert.ok(maxDifference(value.dataSync(), expected.loss!.values) < 1e-5)
    for (const [index, spec] of specs.entries()) {
      const golden = expected[`gradient/${candidateNames(spec.name, modelType)[0]}`]!
      const gradient = spec.kind === 'kernel' ? tf.transpose(grads[index]!) : grads[index]!
      assert.deepEqual(gradient.shape, golden.shape, spec.name)
      assert.ok(maxDifference(gradient.dataSync(), golden.values) < 2e-5, spec.name)
    }
  })
}

const minilm = process.env.LEXTIER_TEST_MINILM
test('hidden states, pooled outputs and logits of the pre-trained all-MiniLM-L6-v2 equal those of transformers', {
  skip: minilm === undefined && 'set LEXTIER_TEST_MINILM to a folder with all-MiniLM-L6-v2 to run it',
}, async () => {
  const golden = JSON.parse(await readFile(`${CHECKPOINTS}minilm/golden.json`, 'utf8'))
  const checkpoint = await loadCheckpoint(minilm!, { seed: 1, labels: 3 })
  assert.deepEqual(checkpoint.missing, ['classifier.weight', 'classifier.bias'])
  const { config } = checkpoint
  const head = Float32Array.from({ length: config.hiddenSize * 3 }, (_, index) => {
    const [input, label] = [Math.floor(index / 3), index % 3]
    return Math.cos(7 * label + input) / Math.sqrt(config.hiddenSize)
  })
  const parameters = toTensors({
    ...checkpoint.parameters,
    'classifier.weight': { shape: [config.hiddenSize, 3], values: head },
    'classifier.bias': { shape: [3], values: Float32Array.of(0, 0.1, 0.2) },
  })
  const attentionMask = tf.tensor2d(golden.attentionMask, undefined, 'int32')
  const batch = { inputIds: tf.tensor2d(golden.inputIds, undefined, 'int32'), attentionMask }
  const outputs = encode(parameters, config, batch, { collect: { hiddenStates: true } })
  const real = tf.expandDims(tf.cast(attentionMask, 'float32'), 2)
  for (const [layer, expected] of golden.hiddenStates.entries()) {
    const state = outputs.hiddenStates![layer]!
    const first = tf.slice(state, [0, 0, 0], [state.shape[0], 6, 4]).dataSync()
    assert.ok(maxDifference(first, expected.firstColumns.flat(2)) < 1e-4, `hidden state ${layer}`)
    const masked = [...tf.mul(state, real).dataSync()]
    const sum = masked.reduce((total, value) => total + value, 0)
    const absoluteSum = masked.reduce((total, value) => total + Math.abs(value), 0)
    // over real tokens x 384 values: the mean error is below 1e-6
    const tolerance = 1e-6 * config.hiddenSize * tf.sum(attentionMask).dataSync()[0]!
    assert.ok(Math.abs(sum - expected.sumOfRealTokens) < tolerance, `sum of hidden state ${layer}`)
    assert.ok(Math.abs(absoluteSum - expected.absoluteSumOfRealTokens) < tolerance, `sum of hidden state ${layer}`)
  }
  const pooled = tf.slice(outputs.pooled, [0, 0], [outputs.pooled.shape[0], 16]).dataSync()
  assert.ok(maxDifference(pooled, golden.pooledFirstColumns.flat()) < 1e-4)
  assert.ok(maxDifference(outputs.logits.dataSync(), golden.logits.flat()) < 1e-4)
})
