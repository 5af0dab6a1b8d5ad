/** Losses that look inside the teacher, against PyTorch's functions and autograd; test/fixtures/losses/make.py made the values. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../../src/family/tensor.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import type { Tensors } from '../../../training/engine/types.js'
import { attentionForm, attentionScoreLoss } from '../../../training/losses/attention-scores.js'
import { clsStateLoss } from '../../../training/losses/cls-states.js'
import { hiddenStateLoss } from '../../../training/losses/hidden-states.js'
import { projections } from '../../../training/losses/projection.js'
import { relationHeadCount, relationLoss } from '../../../training/losses/relations.js'
import { createRandom } from '../../../training/random.js'
import { maxDifference, toTensors } from '../nn/golden.js'

interface Case {
  readonly loss: number
  readonly inputs: Record<string, { shape: number[]; values: number[] }>
  readonly gradients: Record<string, number[]>
}
const file = fileURLToPath(new URL('../../fixtures/losses/golden.json', import.meta.url))
const golden = JSON.parse(await readFile(file, 'utf8')) as {
  attentionMask: number[][]
  relationHeads: number
  cases: Record<string, Case>
}
const mask = golden.attentionMask
const [ROWS, TOKENS] = [mask.length, mask[0]!.length]
const widening = projections('hidden', [[1, 2]], { student: 12, teacher: 24 })

type LossOf = (tensors: Tensors, attentionMask: tf.Tensor2D) => tf.Scalar
const LOSSES: Record<string, LossOf> = {
  hidden: ({ student, kernel, teacher }, attentionMask) => {
    const parameters = { 'projection.hidden.1-2.weight': kernel! }
    const projected = widening.apply(parameters, [1, 2], student as tf.Tensor3D)
    return hiddenStateLoss(projected, teacher as tf.Tensor3D, attentionMask)
  },
  scores: ({ student, teacher }, attentionMask) =>
    attentionScoreLoss(student as tf.Tensor4D, teacher as tf.Tensor4D, attentionMask, 'scores'),
  head_mean: ({ student, teacher }, attentionMask) =>
    attentionScoreLoss(student as tf.Tensor4D, teacher as tf.Tensor4D, attentionMask, 'head_mean'),
  relations: ({ student, teacher }, attentionMask) =>
    relationLoss(student as tf.Tensor4D, teacher as tf.Tensor4D, attentionMask, golden.relationHeads),
  cls: ({ student, teacher }) => clsStateLoss(student as tf.Tensor2D, teacher as tf.Tensor2D),
}

/** A step that changes nothing and gives the loss and its gradients. */
async function onEngine(device: 'cpu' | 'tfjs:cpu', loss: LossOf, given: Case): Promise<HostTensors> {
  const host = (names: string[]): HostTensors =>
    Object.fromEntries(
      names.map((name) => {
        const { shape, values } = given.inputs[name]!
        return [name, { shape, values: Float32Array.from(values) }]
      }),
    )
  const trained = Object.keys(given.gradients)
  const constant = Object.keys(given.inputs).filter((name) => !trained.includes(name))
  const trainer = await (await createEngine(device, { threads: 1 })).trainer(
    (state, batch, frozen) => {
      const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) =>
        loss(
          { ...frozen, ...Object.fromEntries(trained.map((name, i) => [name, tensors[i]!])) },
          batch.attentionMask as tf.Tensor2D,
        ),
      )(trained.map((name) => state[name]!))
      return { state, outputs: { loss: value, ...Object.fromEntries(trained.map((name, i) => [name, grads[i]!])) } }
    },
    host(trained),
    host(constant),
  )
  const [outputs] = await trainer.run([
    { attentionMask: { shape: [ROWS, TOKENS], values: Int32Array.from(mask.flat()) } },
  ])
  await trainer.dispose()
  return outputs!
}

for (const [name, loss] of Object.entries(LOSSES)) {
  test(`the ${name} loss and its gradient equal PyTorch's, eager and traced`, async () => {
    const given = golden.cases[name]!
    for (const device of ['tfjs:cpu', 'cpu'] as const) {
      const { loss: value, ...gradients } = await onEngine(device, loss, given)
      assert.ok(Math.abs(value!.values[0]! - given.loss) < 2e-6 * (1 + given.loss), `${device}: ${value!.values[0]}`)
      for (const [tensor, expected] of Object.entries(given.gradients)) {
        assert.ok(maxDifference(gradients[tensor]!.values, expected) < 2e-6, `${device}: gradient of ${tensor}`)
      }
    }
  })
}

test('what stands at padded places changes no loss', async () => {
  await tf.setBackend('cpu')
  const attentionMask = tf.tensor2d(mask, undefined, 'int32')
  for (const name of ['hidden', 'scores', 'head_mean', 'relations']) {
    const { inputs, loss } = golden.cases[name]!
    const tokenAxes = { hidden: [1], relations: [2] }[name] ?? [2, 3]
    const soiled = Object.fromEntries(
      Object.entries(inputs).map(([tensor, { shape, values }]) => {
        if (tensor === 'kernel') return [tensor, { shape, values: Float32Array.from(values) }]
        const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1))
        const at = (index: number, axis: number) => Math.floor(index / strides[axis]!) % shape[axis]!
        const padded = (index: number) => tokenAxes.some((axis) => mask[at(index, 0)]![at(index, axis)] === 0)
        return [tensor, { shape, values: Float32Array.from(values, (value, i) => (padded(i) ? 1000 + i : value)) }]
      }),
    )
    const value = LOSSES[name]!(toTensors(soiled), attentionMask).dataSync()[0]!
    assert.ok(Math.abs(value - loss) < 2e-6 * (1 + loss), `${name}: ${value} is not ${loss}`)
  }
})

test('a student that equals its teacher has no loss', async () => {
  await tf.setBackend('cpu')
  const attentionMask = tf.tensor2d(mask, undefined, 'int32')
  for (const name of ['scores', 'head_mean', 'relations', 'cls']) {
    const { student } = golden.cases[name]!.inputs
    const { same } = toTensors({ same: { shape: student!.shape, values: Float32Array.from(student!.values) } })
    assert.ok(LOSSES[name]!({ student: same!, teacher: same! }, attentionMask).dataSync()[0]! < 1e-7, name)
  }
})

test('tensors that do not fit each other are refused', async () => {
  await tf.setBackend('cpu')
  const attentionMask = tf.ones([2, 3], 'int32') as tf.Tensor2D
  const shape = { code: 'SHAPE_MISMATCH' }
  assert.throws(() => hiddenStateLoss(tf.zeros([2, 3, 4]), tf.zeros([2, 3, 5]), attentionMask), shape)
  assert.throws(() => clsStateLoss(tf.zeros([2, 4]), tf.zeros([3, 4])), shape)
  assert.throws(() => relationLoss(tf.zeros([2, 2, 3, 4]), tf.zeros([2, 2, 4, 4]), attentionMask, 4), shape)
})

test('relation heads divide both widths; auto takes the number nearest to 48 with heads of at least 8', () => {
  const automatic = (student: number, teacher: number) => relationHeadCount('auto', { student, teacher })
  assert.deepEqual(
    [automatic(384, 768), automatic(512, 768), automatic(312, 768), automatic(768, 768), automatic(7, 11)],
    [48, 32, 24, 48, 1],
  )
  assert.equal(relationHeadCount(64, { student: 512, teacher: 768 }), 64)
  assert.throws(() => relationHeadCount(48, { student: 312, teacher: 768 }), {
    code: 'INVALID_CONFIGURATION',
    message:
      /relations\.heads: 48 does not divide the widths 312 \(student\) and 768 \(teacher\); 1, 2, 3, 4, 6, 8, 12, 24 do/,
  })
})

test('scores are compared head by head only where head counts are equal', () => {
  assert.equal(attentionForm('auto', { student: 12, teacher: 12 }), 'scores')
  assert.equal(attentionForm('auto', { student: 8, teacher: 12 }), 'head_mean')
  assert.throws(
    () => attentionForm('scores', { student: 8, teacher: 12 }),
    /8 heads, the teacher 12; use head_mean or auto/,
  )
})

test('projections exist only where widths differ, and depend on the seed and their own name alone', () => {
  const pairs = [
    [0, 0],
    [1, 2],
  ] as const
  assert.deepEqual(projections('cls', pairs, { student: 8, teacher: 8 }).initialParameters(createRandom(1)), {})
  const both = projections('cls', pairs, { student: 8, teacher: 16 }).initialParameters(createRandom(1))
  const one = projections('cls', pairs.slice(1), { student: 8, teacher: 16 }).initialParameters(createRandom(1))
  assert.deepEqual(Object.keys(both), ['projection.cls.0-0.weight', 'projection.cls.1-2.weight'])
  assert.deepEqual(both['projection.cls.1-2.weight'], one['projection.cls.1-2.weight'])
  assert.notDeepEqual(both['projection.cls.1-2.weight']!.values, both['projection.cls.0-0.weight']!.values)
})
