import assert from 'node:assert/strict'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { activation, gelu } from '../../../training/nn/activations.js'
import { lookup } from '../../../training/nn/embeddings.js'
import { layerNorm } from '../../../training/nn/layer-norm.js'
import { finiteDifferences } from './finite-differences.js'
import { maxDifference } from './golden.js'

await tf.setBackend('cpu')

/** The same functions in plain tfjs, whose automatic differentiation is the oracle. */
const plainGelu = (x: tf.Tensor) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))
const plainLayerNorm = (x: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor) => {
  const { mean, variance } = tf.moments(x, -1, true)
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale), bias)
}

const x = tf.randomNormal([5, 7], 0.3, 2, 'float32', 1) as tf.Tensor2D
const weights = tf.randomNormal([5, 7], 0, 1, 'float32', 2)
const scale = tf.randomNormal([7], 1, 0.5, 'float32', 3)
const bias = tf.randomNormal([7], 0, 0.5, 'float32', 4)

test('gelu has the values and the gradient of plain tfjs, and the derivative that differences give', () => {
  assert.ok(maxDifference(gelu(x).dataSync(), plainGelu(x).dataSync()) < 1e-6)
  const loss = (f: (x: tf.Tensor) => tf.Tensor) => (input: tf.Tensor) => tf.sum(tf.mul(f(input), weights))
  const gradient = tf.grad(loss(gelu))(x).dataSync()
  assert.ok(maxDifference(gradient, tf.grad(loss(plainGelu))(x).dataSync()) < 1e-5)
  assert.ok(maxDifference(gradient, finiteDifferences(loss(gelu), x)) < 5e-3)
})

test('activations have their published values', () => {
  const points = tf.tensor1d([-2, -0.5, 0, 0.5, 2])
  // torch.nn.functional.gelu (2.13), approximate "none" and "tanh"
  const exact = [-0.04550027847290039, -0.1542687714099884, 0, 0.3457312285900116, 1.9544997215270996]
  const tanh = [-0.04540228843688965, -0.1542859971523285, 0, 0.3457140028476715, 1.9545977115631104]
  assert.ok(maxDifference(activation('gelu')(points).dataSync(), exact) < 1e-6)
  assert.ok(maxDifference(activation('gelu_new')(points).dataSync(), tanh) < 1e-6)
  assert.deepEqual([...activation('relu')(points).dataSync()], [0, 0, 0, 0.5, 2])
})

test('layer normalisation has the values and all three gradients of plain tfjs', () => {
  const run = (f: (x: tf.Tensor2D, scale: tf.Tensor, bias: tf.Tensor) => tf.Tensor) =>
    tf.valueAndGrads((...inputs: tf.Tensor[]) => {
      const [x, scale, bias] = inputs as [tf.Tensor2D, tf.Tensor, tf.Tensor]
      return tf.sum(tf.mul(f(x, scale, bias), weights))
    })([x, scale, bias])
  const actual = run((x, scale, bias) => layerNorm(x, scale, bias, 1e-5))
  const expected = run(plainLayerNorm)
  assert.ok(maxDifference(actual.value.dataSync(), expected.value.dataSync()) < 1e-5)
  for (const [index, gradient] of actual.grads.entries()) {
    assert.deepEqual(gradient.shape, expected.grads[index]!.shape)
    assert.ok(maxDifference(gradient.dataSync(), expected.grads[index]!.dataSync()) < 1e-5)
  }
  const loss = (input: tf.Tensor) => tf.sum(tf.mul(layerNorm(input as tf.Tensor2D, scale, bias, 1e-5), weights))
  assert.ok(maxDifference(actual.grads[0]!.dataSync(), finiteDifferences(loss, x)) < 5e-3)
})

test('layer normalisation of a constant row is its bias', () => {
  const row = layerNorm(tf.fill([1, 7], 3), scale, bias, 1e-12)
  assert.ok(maxDifference(row.dataSync(), bias.dataSync()) < 1e-6)
})

test('looking up a row twice adds up its gradients', () => {
  const table = tf.randomNormal([4, 3], 0, 1, 'float32', 5) as tf.Tensor2D
  const indices = tf.tensor1d([2, 0, 2], 'int32')
  assert.deepEqual(lookup(table, indices).arraySync(), tf.gather(table, indices).arraySync())
  const upstream = tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3])
  const gradient = tf.grad((input: tf.Tensor) => tf.sum(tf.mul(lookup(input as tf.Tensor2D, indices), upstream)))(table)
  assert.deepEqual(gradient.arraySync(), [
    [4, 5, 6],
    [0, 0, 0],
    [8, 10, 12],
    [0, 0, 0],
  ])
})
