import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { createDropout } from '../../../training/nn/dropout.js'

/** tfjs' CPU backend, offering the kernels that CUDA has, with a mask that is known. */
const RATE = 0.25
const [ROWS, INNER, COLUMNS] = [6, 4, 5]
const kept = Uint8Array.from({ length: ROWS * COLUMNS }, (_, i) => (i % 4 === 1 ? 0 : 1))
const backend = tf.backend() as { offers?: (kernel: string) => boolean }
let offered: string[] = []

function register(kernelName: string, compute: (inputs: Record<string, tf.Tensor>) => tf.Tensor): void {
  tf.registerKernel({
    kernelName,
    backendName: 'cpu',
    kernelFunc: ({ inputs }) => {
      const mask = tf.tensor2d(kept, [ROWS, COLUMNS], 'bool')
      return [compute(inputs as Record<string, tf.Tensor>), mask]
    },
  })
}

before(async () => {
  await tf.setBackend('cpu')
  backend.offers = (kernel) => offered.includes(kernel)
  const dropped = (x: tf.Tensor) =>
    tf.mul(
      x,
      tf.tensor2d(
        Float32Array.from(kept, (k) => k / (1 - RATE)),
        [ROWS, COLUMNS],
      ),
    )
  register('DeviceDropout', ({ x }) => dropped(x!))
  register('BiasDropout', ({ x, bias, residual }) => tf.add(dropped(tf.add(x!, bias!)), residual!))
})
after(() => {
  tf.unregisterKernel('DeviceDropout', 'cpu')
  tf.unregisterKernel('BiasDropout', 'cpu')
  delete backend.offers
})

const noise = tf.randomUniform([64], 0, 1, 'float32', 7) as tf.Tensor1D
const given = [
  tf.randomNormal([ROWS, INNER], 0, 1, 'float32', 1),
  tf.randomNormal([INNER, COLUMNS], 0, 1, 'float32', 2),
  tf.randomNormal([COLUMNS], 0, 1, 'float32', 3),
  tf.randomNormal([ROWS, COLUMNS], 0, 1, 'float32', 4),
]
const weights = tf.randomNormal([ROWS, COLUMNS], 0, 1, 'float32', 5)
const layout = { groups: 2, rows: 3, columns: COLUMNS }

function valueAndGradients(kernels: string[]): Float32Array[] {
  offered = kernels
  const objective = (...tensors: tf.Tensor[]) => {
    const [input, kernel, bias, residual] = tensors as [tf.Tensor2D, tf.Tensor2D, tf.Tensor, tf.Tensor2D]
    const dropout = createDropout(noise, { sites: 1 })
    return tf.sum(tf.mul(dropout.applyBetween({ input, kernel, bias, residual }, layout, RATE), weights)) as tf.Scalar
  }
  const { value, grads } = tf.valueAndGrads(objective)(given)
  offered = []
  return [value, ...grads].map((tensor) => tensor.dataSync() as Float32Array)
}

test('a linear layer, dropout and residual in one kernel have the value and the gradients of the three', () => {
  const apart = valueAndGradients(['DeviceDropout'])
  const together = valueAndGradients(['DeviceDropout', 'BiasDropout'])
  for (const [index, expected] of apart.entries()) {
    expected.forEach((value, i) => {
      assert.ok(Math.abs(together[index]![i]! - value) <= 1e-5, `result ${index}, element ${i}`)
    })
  }
})

test("the device's mask lets no gradient through where it dropped", () => {
  offered = ['DeviceDropout']
  const dropout = createDropout(noise, { sites: 1 })
  const gradient = tf
    .grad((x: tf.Tensor) => tf.sum(dropout.apply(x, layout, RATE)))(weights)
    .dataSync()
  offered = []
  gradient.forEach((value, i) => {
    assert.ok(Math.abs(value - kept[i]! / (1 - RATE)) < 1e-6, `element ${i}`)
  })
})
