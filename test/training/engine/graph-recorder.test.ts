import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { GraphRecorder } from '../../../training/engine/graph-recorder.js'
import { inferenceProgram } from '../../../training/engine/programs.js'
import { traceInto } from '../../../training/engine/trace.js'

const options = { batchedMatMul: 'fused', matMulType: 'float32' } as const

test('equal nodes and equal small constants are recorded once, -0 apart from 0', () => {
  const graph = new GraphRecorder()
  assert.equal(graph.scalar(0.5, 'float32'), graph.scalar(0.5, 'float32'))
  assert.notEqual(graph.scalar(0, 'float32'), graph.scalar(-0, 'float32'))
  assert.notEqual(graph.scalar(1, 'float32'), graph.scalar(1, 'int32'))
  assert.equal(graph.node('Exp', ['x']), graph.node('Exp', ['x']))
  assert.notEqual(graph.node('Softmax', ['x'], { axis: 0 }), graph.node('Softmax', ['x'], { axis: 1 }))
})

test('nodes and constants that no output needs are pruned', () => {
  const graph = new GraphRecorder()
  const needed = graph.node('Add', ['x', graph.scalar(2, 'float32')])
  graph.node('Mul', ['x', graph.scalar(3, 'float32')])
  const { nodes, constants } = graph.prune([needed])
  assert.deepEqual(
    nodes.map(({ opType }) => opType),
    ['Add'],
  )
  assert.equal(constants.length, 1)
})

test('large uniform tensors take no room in a program', () => {
  const shape = [1000, 1000]
  const { model } = inferenceProgram(
    (_parameters, { x }) => ({
      y: tf.add(x!, tf.add(tf.fill(shape, 3), tf.zeros(shape))),
      z: tf.mul(tf.ones(shape), x!),
    }),
    { parameters: {}, batch: { x: { shape: [1000], dtype: 'float32' } } },
    options,
  )
  assert.ok(model.length < 4096, `${model.length} bytes`)
})

test('a symbolic tensor of another trace is refused, and a failed trace leaves tfjs as it was', () => {
  let leaked: tf.Tensor | undefined
  const backend = tf.getBackend() || 'cpu'
  traceInto(new GraphRecorder(), options, (symbol) => {
    leaked = tf.keep(symbol('x', [2], 'float32'))
    return { outputs: {} }
  })
  assert.throws(
    () => traceInto(new GraphRecorder(), options, () => ({ outputs: { y: tf.add(leaked!, 1) } })),
    /one trace was used in another/,
  )
  assert.equal(tf.getBackend(), backend)
  tf.dispose(leaked!)
})
