import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { isLextierError } from '../../../src/errors.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { tracedKernelNames } from '../../../training/engine/kernels/registry.js'
import type { Engine, InferenceFunction } from '../../../training/engine/types.js'
import { assertClose } from './closeness.js'
import { elementwiseCases } from './elementwise-cases.js'
import { type Case, reals } from './kernel-case.js'
import { structuralCases } from './structural-cases.js'

const cases = [...elementwiseCases, ...structuralCases]

const inferenceOf =
  (run: Case['run']): InferenceFunction =>
  (_parameters, batch) => {
    const result = run(batch)
    return Object.fromEntries((Array.isArray(result) ? result : [result]).map((tensor, index) => [`y${index}`, tensor]))
  }

describe('every kernel gives what tfjs gives on its CPU backend', () => {
  let traced: Engine
  let eager: Engine
  before(async () => {
    traced = await createEngine('cpu', { threads: 1 })
    eager = await createEngine('tfjs:cpu')
  })

  for (const { kernel, name, inputs, run } of cases) {
    test(`${kernel}: ${name}`, async () => {
      const infer = inferenceOf(run)
      const [left, right] = [await traced.evaluator(infer, {}), await eager.evaluator(infer, {})]
      assertClose(await left.run(inputs), await right.run(inputs), { absolute: 1e-5, relative: 2e-5 })
      await Promise.all([left.dispose(), right.dispose()])
    })
  }

  after(() => {
    const covered = new Set(cases.map(({ kernel }) => kernel))
    const missing = tracedKernelNames.filter((kernel) => !covered.has(kernel))
    assert.deepEqual(missing, [], 'kernels without a test')
  })
})

test('a kernel without an ONNX form is refused by name', async () => {
  const engine = await createEngine('cpu', { threads: 1 })
  const evaluator = await engine.evaluator((_p, { x }) => ({ y: tf.atan2(x!, x!) }), {})
  await assert.rejects(evaluator.run({ x: reals(2) }), (error) => {
    assert.ok(isLextierError(error) && error.code === 'KERNEL_UNSUPPORTED')
    assert.match(error.message, /"Atan2"/)
    return true
  })
})

test('reading a value while tracing says why there is none', async () => {
  const engine = await createEngine('cpu', { threads: 1 })
  const evaluator = await engine.evaluator((_p, { x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }), {})
  await assert.rejects(evaluator.run({ x: reals(2) }), /read while a step is being traced/)
})
