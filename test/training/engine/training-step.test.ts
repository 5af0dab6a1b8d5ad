import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEngine } from '../../../training/engine/create-engine.js'
import { assertClose, assertSame } from './closeness.js'
import { toyBatch, toyState, toyStep } from './toy-encoder.js'

const batches = [toyBatch(1), toyBatch(2), toyBatch(3)]

test('loss, every gradient and every parameter after three AdamW steps equal those of eager tfjs', async () => {
  const traced = await (await createEngine('cpu', { threads: 1 })).trainer(toyStep, toyState())
  const eager = await (await createEngine('tfjs:cpu')).trainer(toyStep, toyState())
  const [tracedOutputs, eagerOutputs] = [await traced.run(batches), await eager.run(batches)]
  tracedOutputs.forEach((outputs, index) => {
    assertClose(outputs, eagerOutputs[index]!, { absolute: 2e-5, relative: 1e-3 })
  })
  assertClose(await traced.state(), await eager.state(), { absolute: 2e-4, relative: 1e-3 })
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
