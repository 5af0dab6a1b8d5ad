import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../../src/family/tensor.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { loopTrainer } from '../../../training/engine/loop-trainer.js'
import { onnxDevice } from '../../../training/engine/onnx-device.js'
import { assertClose, assertSame } from './closeness.js'
import { toyBatch, toyState, toyStep } from './toy-encoder.js'

const batches = [toyBatch(1), toyBatch(2), toyBatch(3)]

/** Softmax does not see what a key's bias adds: its gradient is rounding noise, which AdamW enlarges to whole steps. */
function withoutKeyBiases(state: HostTensors): HostTensors {
  return Object.fromEntries(Object.entries(state).filter(([name]) => !name.endsWith('key.bias')))
}

test('loss, every gradient and every parameter after three AdamW steps equal those of eager tfjs', async () => {
  const traced = await (await createEngine('cpu', { threads: 1 })).trainer(toyStep, toyState())
  const eager = await (await createEngine('tfjs:cpu')).trainer(toyStep, toyState())
  const [tracedOutputs, eagerOutputs] = [await traced.run(batches), await eager.run(batches)]
  tracedOutputs.forEach((outputs, index) => {
    assertClose(outputs, eagerOutputs[index]!, { absolute: 2e-5, relative: 1e-3 })
  })
  const [tracedState, eagerState] = [await traced.state(), await eager.state()]
  assertClose(withoutKeyBiases(tracedState), withoutKeyBiases(eagerState), { absolute: 2e-4, relative: 1e-3 })
  await Promise.all([traced.dispose(), eager.dispose()])
})

test('three steps in one run equal three runs of one step to the last bit', async () => {
  const engine = await createEngine('cpu', { threads: 1 })
  const together = await engine.trainer(toyStep, toyState())
  const apart = await engine.trainer(toyStep, toyState())
  const outputs = await together.run(batches)
  for (const [index, batch] of batches.entries()) assertSame((await apart.run([batch]))[0]!, outputs[index]!)
  assertSame(await together.state(), await apart.state())
  await Promise.all([together.dispose(), apart.dispose()])
})

test('batches of several shapes in one run keep their order and change the state in that order', async () => {
  const mixed = [toyBatch(1), toyBatch(2), toyBatch(3, 2, 5), toyBatch(4), toyBatch(5, 2, 5), toyBatch(6, 2, 5)]
  const engine = await createEngine('cpu', { threads: 1 })
  const together = await engine.trainer(toyStep, toyState())
  const apart = await engine.trainer(toyStep, toyState())
  const outputs = await together.run(mixed)
  assert.equal(outputs.length, mixed.length)
  for (const [index, batch] of mixed.entries()) assertSame((await apart.run([batch]))[0]!, outputs[index]!)
  assertSame(await together.state(), await apart.state())
  await Promise.all([together.dispose(), apart.dispose()])
})

test('one run of several shapes equals runs of one step to the last bit, also when a later run brings a new shape', async () => {
  const device = onnxDevice('cpu', { threads: 1 })
  const mixing = { ...device, runLimits: { ...device.runLimits, mixShapes: true } }
  const mixed = loopTrainer(mixing, toyStep, toyState(), {})
  const apart = loopTrainer(device, toyStep, toyState(), {})
  const runs = [
    [toyBatch(1), toyBatch(2, 2, 5), toyBatch(3), toyBatch(4, 2, 5)],
    [toyBatch(5, 2, 5)],
    [toyBatch(6, 1, 4), toyBatch(7), toyBatch(8, 2, 5)],
  ]
  for (const run of runs) {
    const outputs = await mixed.run(run)
    for (const [index, batch] of run.entries()) assertSame((await apart.run([batch]))[0]!, outputs[index]!)
  }
  assertSame(await mixed.state(), await apart.state())
  await Promise.all([mixed.dispose(), apart.dispose()])
})

test('shapes whose outputs differ in shape run one after the other', async () => {
  const device = onnxDevice('cpu', { threads: 1 })
  const mixing = { ...device, runLimits: { ...device.runLimits, mixShapes: true } }
  const vector = (...values: number[]) => ({ shape: [values.length], values: Float32Array.from(values) })
  const trainer = loopTrainer(
    mixing,
    ({ sum }, { x }) => ({ state: { sum: tf.add(sum!, tf.sum(x!)) }, outputs: { y: tf.add(x!, sum!) } }),
    { sum: { shape: [], values: Float32Array.of(0) } },
    {},
  )
  const outputs = await trainer.run([{ x: vector(1, 2) }, { x: vector(4) }, { x: vector(0, 1) }])
  const expected = [vector(1, 2), vector(7), vector(7, 8)]
  expected.forEach((y, index) => {
    assertSame(outputs[index]!, { y })
  })
  await trainer.dispose()
})
