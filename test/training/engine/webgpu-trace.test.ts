/** The programs that are written for WebGPU, run on the CPU: what they compute does not depend on a driver. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../../src/family/tensor.js'
import { signaturesOf } from '../../../training/engine/batch-runs.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { GraphRecorder, type RecordedNode } from '../../../training/engine/graph-recorder.js'
import { loopTrainer } from '../../../training/engine/loop-trainer.js'
import { onnxDevice } from '../../../training/engine/onnx-device.js'
import { onnxEvaluator } from '../../../training/engine/onnx-evaluator.js'
import { symbols, traceInto } from '../../../training/engine/trace.js'
import type { Tensors } from '../../../training/engine/types.js'
import { hardTargets } from '../../../training/losses/hard-targets.js'
import { decayedParameters } from '../../../training/optim/parameter-groups.js'
import { initialTrainState, makeTrainStep } from '../../../training/optim/train-step.js'
import { assertClose } from './closeness.js'
import { reals } from './kernel-case.js'
import { toyBatch, toyConfig, toyParameters } from './toy-encoder.js'

const { trace } = onnxDevice('webgpu')
const device = { ...onnxDevice('cpu', { threads: 1 }), trace }

function nodesOf(inputs: HostTensors, run: (x: Tensors) => Tensors): readonly RecordedNode[] {
  const graph = new GraphRecorder()
  const { y } = traceInto(graph, trace, (symbol) => ({ y: run(symbols(symbol, signaturesOf(inputs), 'x')) }))
  return graph.prune(Object.values(y).map(({ value }) => value)).nodes
}

async function assertAsEager(inputs: HostTensors, run: (x: Tensors) => Tensors): Promise<void> {
  const written = await onnxEvaluator(device, (_parameters, x) => run(x), {})
  const eager = await (await createEngine('tfjs:cpu')).evaluator((_parameters, x) => run(x), {})
  assertClose(await written.run(inputs), await eager.run(inputs), { absolute: 1e-4, relative: 1e-5 })
  await Promise.all([written.dispose(), eager.dispose()])
}

test('a tensor is split by operators of at most seven outputs', async () => {
  const inputs = { x: reals(3, 23) }
  const sizes = [1, 2, 1, 1, 3, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 3]
  const run = ({ x }: Tensors) =>
    Object.fromEntries(tf.split(x!, sizes, 1).map((part, index) => [`part${index}`, part] as const))
  const splits = nodesOf(inputs, run).filter(({ opType }) => opType === 'Split')
  assert.deepEqual(
    splits.map(({ outputs }) => outputs.length),
    [7, 7, 2],
  )
  await assertAsEager(inputs, run)
})

test('a matrix product transposes its right operand apart', async () => {
  const inputs = { a: reals(5, 4), b: reals(3, 4) }
  const run = ({ a, b }: Tensors) => ({ y: tf.matMul(a!, b!, false, true) })
  assert.deepEqual(
    nodesOf(inputs, run).map(({ opType, attributes }) => [opType, attributes.transB]),
    [
      ['Transpose', undefined],
      ['Gemm', 0],
    ],
  )
  await assertAsEager(inputs, run)
})

test('a batched product never transposes a left operand that is larger than the other two tensors', async () => {
  const inputs = { large: reals(2, 3, 8, 8), small: reals(2, 3, 8, 2) }
  const run = ({ large, small }: Tensors) => ({ y: tf.matMul(large!, small!, true, false) })
  const transposed = nodesOf(inputs, run).filter(({ opType }) => opType === 'Transpose')
  assert.deepEqual(
    transposed.map((node) => node.inputs[0] === 'x.large'),
    [false, false],
  )
  await assertAsEager(inputs, run)
})

test('two transpositions are one, and none where the second undoes the first', async () => {
  const inputs = { x: reals(2, 3, 4) }
  const once = ({ x }: Tensors) => ({ y: tf.transpose(tf.transpose(x!, [1, 0, 2]), [0, 2, 1]) })
  const none = ({ x }: Tensors) => ({ y: tf.transpose(tf.transpose(x!, [1, 2, 0]), [2, 0, 1]) })
  assert.deepEqual(
    [once, none].map((run) => nodesOf(inputs, run).length),
    [1, 0],
  )
  await assertAsEager(inputs, once)
  await assertAsEager(inputs, none)
})

test('the columns of a large matrix are summed in two stages', async () => {
  for (const [rows, stages] of [
    [512, 2],
    [64, 1],
    [515, 1],
  ] as const) {
    const inputs = { x: reals(rows, 6) }
    const run = ({ x }: Tensors) => ({ sums: tf.sum(x!, 0), kept: tf.sum(x!, 0, true) })
    const sums = nodesOf(inputs, ({ x }) => ({ sums: tf.sum(x!, 0) }))
    assert.equal(sums.filter(({ opType }) => opType === 'ReduceSum').length, stages)
    await assertAsEager(inputs, run)
  }
})

test('a training step as it is written for WebGPU is that of the CPU', async () => {
  const step = makeTrainStep({
    config: toyConfig,
    loss: hardTargets(),
    dropout: { rate: 0.1 },
    optimiser: { decays: decayedParameters(toyConfig) },
  })
  const state = initialTrainState(toyParameters())
  const batches = [1, 2, 3].map((seed) => ({
    ...toyBatch(seed, 32, 8),
    learningRate: { shape: [], values: Float32Array.of(1e-3) },
  }))
  const trainers = [device, onnxDevice('cpu', { threads: 1 })].map((on) => loopTrainer(on, step, state, {}))
  const [written, own] = await Promise.all(trainers.map((trainer) => trainer.run(batches)))
  written!.forEach((outputs, index) => {
    assertClose(outputs, own![index]!, { absolute: 1e-5, relative: 1e-4 })
  })
  // Softmax does not see what a key's bias adds: its gradient is rounding noise, which AdamW enlarges to whole steps.
  const [writtenState, ownState] = await Promise.all(
    trainers.map(async (trainer) =>
      Object.fromEntries(Object.entries(await trainer.state()).filter(([name]) => !name.endsWith('key.bias'))),
    ),
  )
  assertClose(writtenState!, ownState!, { absolute: 1e-5, relative: 1e-3 })
  await Promise.all(trainers.map((trainer) => trainer.dispose()))
})
