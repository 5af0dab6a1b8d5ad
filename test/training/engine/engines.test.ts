import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { isLextierError } from '../../../src/errors.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { probeProvider } from '../../../training/engine/provider-probe.js'
import { selfCheck } from '../../../training/engine/self-check.js'
import type { Device } from '../../../training/engine/types.js'
import { assertClose, assertSame } from './closeness.js'
import { toyBatch, toyInference, toyParameters, toyState, toyStep } from './toy-encoder.js'

const refusal = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(isLextierError(error) && error.code === code, String(error))
  assert.match(error.message, message)
  return true
}
const cuda = await probeProvider('cuda')

test('a self-check on the CPU passes and its loss falls', async () => {
  const check = await selfCheck(await createEngine('cpu', { threads: 1 }))
  assert.ok(check.passed, JSON.stringify(check))
  assert.ok(check.lossDifference < 1e-3, JSON.stringify(check))
})

test('asking for CUDA without its provider is refused with a way out, and the process lives', {
  skip: cuda.usable && 'CUDA works here',
}, async () => {
  await assert.rejects(createEngine('cuda'), refusal('PROVIDER_UNAVAILABLE', /"cuda".*install.*--device cpu/s))
})

test('auto says which device it chose and why', async () => {
  const engine = await createEngine('auto')
  assert.equal(engine.device, cuda.usable ? 'cuda' : 'cpu')
  assert.match(engine.description, cuda.usable ? /CUDA|works here/ : /CUDA cannot be used: .+/)
})

test('a tfjs backend that is not installed is refused with the package to install', async () => {
  const missing = await import('@tensorflow/tfjs-node-gpu' as string).then(
    () => false,
    () => true,
  )
  if (!missing) return
  await assert.rejects(
    createEngine('tfjs:tensorflow'),
    refusal('ENGINE_UNAVAILABLE', /npm install @tensorflow\/tfjs-node-gpu/),
  )
  await assert.rejects(createEngine('tfjs:abacus'), refusal('ENGINE_UNAVAILABLE', /known here: cpu, tensorflow/))
})

test('a device that does not exist is refused with those that do', async () => {
  await assert.rejects(createEngine('tpu' as Device), refusal('INVALID_CONFIGURATION', /auto, cpu, cuda, webgpu/))
})

for (const device of ['cpu', 'tfjs:cpu'] as const) {
  test(`${device}: a restored state continues to the last bit, and is the trainer's own copy`, async () => {
    const engine = await createEngine(device, { threads: 1 })
    const trainer = await engine.trainer(toyStep, toyState())
    await trainer.run([toyBatch(1)])
    const saved = await trainer.state()
    const first = await trainer.run([toyBatch(2), toyBatch(3)])
    const reached = await trainer.state()
    await trainer.restore(saved)
    saved['p.classifier.bias']!.values.fill(9)
    const second = await trainer.run([toyBatch(2), toyBatch(3)])
    first.forEach((outputs, index) => {
      assertSame(second[index]!, outputs)
    })
    assertSame(await trainer.state(), reached)
    await trainer.dispose()
  })

  test(`${device}: a state of another model is refused by the name of the tensor`, async () => {
    const engine = await createEngine(device, { threads: 1 })
    const trainer = await engine.trainer(toyStep, toyState())
    const other = { ...toyState(), 'p.classifier.bias': { shape: [3], values: new Float32Array(3) } }
    await assert.rejects(trainer.restore(other), refusal('SHAPE_MISMATCH', /"p.classifier.bias"/))
    const { step: _left, ...less } = toyState()
    await assert.rejects(trainer.restore(less), refusal('SHAPE_MISMATCH', /"step"/))
    await trainer.dispose()
  })

  test(`${device}: a step that changes the shape of its state is refused by name`, async () => {
    const engine = await createEngine(device, { threads: 1 })
    const x = { x: { shape: [2], values: Float32Array.of(1, 2) } }
    const growing = await engine.trainer(({ x }) => ({ state: { x: tf.concat([x!, x!]) }, outputs: {} }), x)
    await assert.rejects(growing.run([x]), refusal('SHAPE_MISMATCH', /"x".*\[2\].*\[4\]/))
    const losing = await engine.trainer(() => ({ state: {}, outputs: {} }), x)
    await assert.rejects(losing.run([x]), refusal('SHAPE_MISMATCH', /"x"/))
    await Promise.all([growing.dispose(), losing.dispose()])
  })

  test(`${device}: state that a step hands through, and frozen tensors, keep their values`, async () => {
    const engine = await createEngine(device, { threads: 1 })
    const vector = (...values: number[]) => ({ shape: [values.length], values: Float32Array.from(values) })
    const trainer = await engine.trainer(
      ({ a, b }, { x }, { f }) => ({
        state: { a: a!, b: tf.add(b!, tf.mul(x!, f!)) },
        outputs: { a: a!, again: a!, f: f! },
      }),
      { a: vector(1, 2), b: vector(0, 0) },
      { f: vector(10, 100) },
    )
    const outputs = await trainer.run([{ x: vector(1, 1) }, { x: vector(2, 3) }])
    assertSame(await trainer.state(), { a: vector(1, 2), b: vector(30, 400) })
    for (const output of outputs) assertSame(output, { a: vector(1, 2), again: vector(1, 2), f: vector(10, 100) })
    await trainer.dispose()
  })
}

test('an evaluator gives what tfjs gives, for batches of several shapes and after other parameters are loaded', async () => {
  const traced = await (await createEngine('cpu', { threads: 1 })).evaluator(toyInference, toyParameters(1))
  const eager = await (await createEngine('tfjs:cpu')).evaluator(toyInference, toyParameters(1))
  const batches = [toyBatch(1), toyBatch(2, 2, 5), toyBatch(3)]
  for (const batch of batches) assertClose(await traced.run(batch), await eager.run(batch))
  await Promise.all([traced.load(toyParameters(2)), eager.load(toyParameters(2))])
  for (const batch of batches) assertClose(await traced.run(batch), await eager.run(batch))
  await assert.rejects(traced.load({}), refusal('SHAPE_MISMATCH', /word_embeddings/))
  await Promise.all([traced.dispose(), eager.dispose()])
})

test('engines leave no tensors behind, and tfjs on the backend that it was on', async () => {
  const backend = tf.getBackend()
  const before = tf.memory().numTensors
  for (const device of ['cpu', 'tfjs:cpu'] as const) {
    const engine = await createEngine(device, { threads: 1 })
    const trainer = await engine.trainer(toyStep, toyState())
    const evaluator = await engine.evaluator(toyInference, toyParameters())
    await Promise.all([trainer.run([toyBatch(1), toyBatch(2)]), evaluator.run(toyBatch(1))])
    await Promise.all([trainer.dispose(), evaluator.dispose()])
  }
  assert.equal(tf.memory().numTensors, before)
  assert.equal(tf.getBackend(), backend)
})
