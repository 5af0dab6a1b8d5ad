import assert from 'node:assert/strict'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { parameterSpecs } from '../../../src/family/parameters.js'
import type { HostTensors } from '../../../src/family/tensor.js'
import { huggingFaceName } from '../../../training/checkpoint/parameter-names.js'
import type { StepFunction, Tensors } from '../../../training/engine/types.js'
import { hardTargets } from '../../../training/losses/hard-targets.js'
import { vanillaDistillation } from '../../../training/losses/vanilla-distillation.js'
import { NOISE_LENGTH } from '../../../training/nn/dropout.js'
import { decayedParameters } from '../../../training/optim/parameter-groups.js'
import {
  initialTrainState,
  makeInference,
  makeTrainStep,
  type TrainStepOptions,
  trainedParameters,
} from '../../../training/optim/train-step.js'
import { createRandom } from '../../../training/random.js'
import { loadGolden, maxDifference, toTensors } from '../nn/golden.js'

await tf.setBackend('cpu')

const golden = await loadGolden('tiny-bert')
const { config, parameters } = golden.checkpoint
const options: TrainStepOptions = { config, loss: hardTargets(), optimiser: { decays: decayedParameters(config) } }
const noise = (seed: number) => tf.tensor1d(createRandom(seed).uniformVector(NOISE_LENGTH))
const batch = (learningRate = 1e-3, seed = 1): Tensors => ({
  ...golden.batch,
  labels: tf.tensor1d(golden.labels, 'int32'),
  teacherLogits: tf.tensor2d([1, 0, -1, 0, 2, 0, 0.5, 0.2, 0, -1, 0, 3], [4, 3]),
  learningRate: tf.scalar(learningRate),
  noise: noise(seed),
})

/** Runs steps as an engine does: eagerly, each in a tidy of its own, with the state on the host in between. */
function train(step: StepFunction, batches: readonly Tensors[], state = initialTrainState(parameters)) {
  const outputs: Record<string, number>[] = []
  for (const batch of batches) {
    tf.tidy(() => {
      const result = step(toTensors(state), batch, {})
      state = toHost(result.state)
      outputs.push(Object.fromEntries(Object.entries(result.outputs).map(([name, t]) => [name, t.dataSync()[0]!])))
    })
  }
  return { state, outputs }
}

const toHost = (tensors: Tensors): HostTensors =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => [name, { shape: t.shape, values: t.dataSync() as Float32Array }]),
  )

function largestDifference(a: HostTensors, b: HostTensors): number {
  assert.deepEqual(Object.keys(a), Object.keys(b))
  return Math.max(...Object.keys(a).map((name) => maxDifference(a[name]!.values, b[name]!.values)))
}

test('three training steps of a BERT classifier equal those of PyTorch: losses, gradient norms, every parameter', () => {
  const { state, outputs } = train(
    makeTrainStep(options),
    [1, 2, 3].map((step) => batch(1e-2 / step)),
  )
  const column = (name: string) => outputs.map((output) => output[name]!)
  const { expected } = golden
  assert.ok(maxDifference(column('loss'), expected['steps/loss']!.values) < 1e-4)
  for (const [index, norm] of column('gradientNorm').entries()) {
    assert.ok(Math.abs(norm / expected['steps/gradientNorm']!.values[index]! - 1) < 1e-4)
  }
  const trained = trainedParameters(state)
  for (const { name, kind, shape } of parameterSpecs(config)) {
    const { values } = expected[`steps/${huggingFaceName(name, 'bert')}`]!
    const tensor = tf.tensor(trained[name]!.values, [...shape])
    const actual = kind === 'kernel' ? tf.transpose(tensor) : tensor
    // softmax ignores a shift of its row: the true gradient of key biases is 0, and Adam normalises their rounding noise
    if (name.endsWith('key.bias')) continue
    assert.ok(maxDifference(actual.dataSync(), values) < 1e-5, name)
  }
})

test('the state that comes out has the names and shapes that went in', () => {
  const state = initialTrainState(parameters)
  const shapes = (tensors: HostTensors) =>
    Object.keys(tensors)
      .toSorted()
      .map((name) => [name, tensors[name]!.shape])
  assert.deepEqual(shapes(train(makeTrainStep(options), [batch()]).state), shapes(state))
})

test('accumulating over micro-batches gives the step of the whole batch', () => {
  const optimiser = { ...options.optimiser, epsilon: 1e-3 } // keeps rounding noise out of Adam's quotient
  const loss = vanillaDistillation({ softWeight: 0.5, hardWeight: 0.5, temperature: 2 })
  const whole = train(makeTrainStep({ ...options, optimiser, loss }), [batch(), batch()])
  const split = train(makeTrainStep({ ...options, optimiser, loss, accumulation: 2 }), [batch(), batch()])
  assert.ok(largestDifference(whole.state, split.state) < 1e-5)
  for (const [index, output] of whole.outputs.entries()) {
    assert.deepEqual(Object.keys(output), ['loss', 'loss/soft', 'loss/hard', 'gradientNorm'])
    for (const name of Object.keys(output)) {
      assert.ok(Math.abs(output[name]! / split.outputs[index]![name]! - 1) < 1e-5, name)
    }
  }
})

test('a batch that micro-batches cannot divide is refused with a way out', () => {
  assert.throws(() => train(makeTrainStep({ ...options, accumulation: 3 }), [batch()]), {
    code: 'SHAPE_MISMATCH',
    message: /batch of 4 cannot be split into 3 equal parts; make it a multiple of 3/,
  })
})

test('a run resumed from its state repeats the uninterrupted one bit for bit, dropout included', () => {
  const step = makeTrainStep({ ...options, dropout: { rate: 0.1 }, accumulation: 2 })
  const batches = [1, 2, 3, 4].map((seed) => batch(1e-3, seed))
  const whole = train(step, batches)
  const half = train(step, batches.slice(0, 2))
  const resumed = train(step, batches.slice(2), half.state)
  assert.equal(largestDifference(whole.state, resumed.state), 0)
  assert.deepEqual(whole.outputs.slice(2), resumed.outputs)
  assert.notDeepEqual(train(step, [batch(1e-3, 9)]).outputs, whole.outputs.slice(0, 1))
})

test('training drives the loss of four examples towards zero', () => {
  const step = makeTrainStep({ ...options, dropout: { rate: 0.05 } })
  const { outputs, state } = train(
    step,
    Array.from({ length: 40 }, (_, index) => batch(1e-2, index)),
  )
  assert.ok(outputs.at(-1)!.loss! < 0.1 && outputs[0]!.loss! > 0.5, `${outputs[0]!.loss} to ${outputs.at(-1)!.loss}`)
  const logits = tf.tidy(() => makeInference(config)(toTensors(trainedParameters(state)), batch()).logits!.arraySync())
  const predicted = (logits as number[][]).map((row) => row.indexOf(Math.max(...row)))
  assert.deepEqual(predicted, golden.labels)
})

test('a step leaves no tensor behind', () => {
  const step = makeTrainStep({ ...options, dropout: { rate: 0.1 }, accumulation: 2 })
  const fed = batch()
  train(step, [fed])
  const before = tf.memory().numTensors
  train(step, [fed])
  assert.equal(tf.memory().numTensors, before)
})
