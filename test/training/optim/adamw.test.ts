import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../../src/family/tensor.js'
import type { Tensors } from '../../../training/engine/types.js'
import { type AdamWSettings, adamWInit, adamWStep } from '../../../training/optim/adamw.js'
import { maxDifference, toTensors } from '../nn/golden.js'

await tf.setBackend('cpu')

type Nested = number[] | number[][]
const golden = JSON.parse(await readFile(new URL('../../fixtures/adamw/golden.json', import.meta.url), 'utf8')) as {
  clipNorm: number
  weightDecay: number
  initial: Record<string, Nested>
  steps: {
    gradients: Record<string, Nested>
    parameters: Record<string, Nested>
    learningRate: number
    gradientNorm: number
  }[]
}
const named = (values: Record<string, Nested>): Tensors =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tf.tensor(value)]))
const hostTensors = (tensors: Tensors): HostTensors =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { shape: tensor.shape, values: tensor.dataSync() as Float32Array },
    ]),
  )

const settings: AdamWSettings = { decays: (name) => name.endsWith('.weight') }

test('twelve steps with decay, clipping and a changing learning rate equal those of torch.optim.AdamW', () => {
  let parameters = named(golden.initial)
  let state = toTensors(adamWInit(hostTensors(parameters)))
  for (const [index, step] of golden.steps.entries()) {
    const result = adamWStep(
      { ...settings, weightDecay: golden.weightDecay, clipNorm: golden.clipNorm },
      { parameters, gradients: named(step.gradients), state, learningRate: tf.scalar(step.learningRate) },
    )
    ;({ parameters, state } = result)
    assert.ok(Math.abs(result.gradientNorm.dataSync()[0]! / step.gradientNorm - 1) < 1e-6)
    for (const [name, expected] of Object.entries(step.parameters)) {
      const difference = maxDifference(parameters[name]!.dataSync(), expected.flat())
      assert.ok(difference < 1e-6, `${name} after step ${index + 1} is off by ${difference}`)
    }
  }
  assert.equal(state.step!.dataSync()[0], golden.steps.length)
})

const parameters = { 'a.weight': tf.tensor1d([1, -2]), 'b.weight': tf.tensor1d([3]) }
const gradients = { 'a.weight': tf.tensor1d([3, 4]), 'b.weight': tf.tensor1d([0.5]) }
const step = (settings: AdamWSettings, given: Tensors = gradients) =>
  adamWStep(settings, {
    parameters,
    gradients: given,
    state: toTensors(adamWInit(hostTensors(parameters))),
    learningRate: tf.scalar(0.1),
  })

test('the first step moves every entry by the learning rate against its sign, whatever the gradient', () => {
  const { parameters: next } = step({ ...settings, weightDecay: 0 })
  assert.ok(maxDifference(next['a.weight']!.dataSync(), [0.9, -2.1]) < 1e-6)
  assert.ok(maxDifference(next['b.weight']!.dataSync(), [2.9]) < 1e-6)
})

test('a learning-rate factor scales step and decay of its parameter alone', () => {
  const learningRateFactor = (name: string) => (name === 'b.weight' ? 0.5 : 1)
  const { parameters: next } = step({ ...settings, weightDecay: 0.2, learningRateFactor })
  assert.ok(maxDifference(next['a.weight']!.dataSync(), [0.98 - 0.1, -2 * 0.98 - 0.1]) < 1e-6)
  assert.ok(maxDifference(next['b.weight']!.dataSync(), [3 * 0.99 - 0.05]) < 1e-6)
})

test('a parameter without a gradient keeps its value and its moments', () => {
  const { parameters: next, state } = step(settings, { 'a.weight': gradients['a.weight'] })
  assert.deepEqual([...next['b.weight']!.dataSync()], [3])
  assert.deepEqual([...state['m/b.weight']!.dataSync(), ...state['v/b.weight']!.dataSync()], [0, 0])
  assert.notEqual(next['a.weight']!.dataSync()[0], 1)
})

test('an infinite clip norm leaves gradients as they are', () => {
  const { state, gradientNorm } = step({ ...settings, clipNorm: Number.POSITIVE_INFINITY })
  assert.ok(maxDifference(state['m/a.weight']!.dataSync(), [0.3, 0.4]) < 1e-6)
  assert.ok(Math.abs(gradientNorm.dataSync()[0]! - Math.sqrt(25.25)) < 1e-5)
})
