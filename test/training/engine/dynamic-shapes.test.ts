import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generalise, type SizedTrace } from '../../../training/engine/dynamic-shapes.js'
import { GraphRecorder } from '../../../training/engine/graph-recorder.js'

function trace(build: (graph: GraphRecorder, size: number) => string) {
  return (size: number): SizedTrace => {
    const graph = new GraphRecorder()
    const results = [build(graph, size)]
    return { ...graph.prune(results), results }
  }
}

test('shape vectors become offset + slope · size; what is the same at every size stays a constant', () => {
  const graph = generalise(
    trace((graph, size) => {
      const flat = graph.node('Reshape', ['x', graph.int64([2 * size, 3])])
      return graph.node('Slice', [flat, graph.int64([0]), graph.int64([size - 1]), graph.int64([0])])
    }),
    [5, 8, 9],
  )
  const [reshape, slice] = graph.nodes
  assert.deepEqual(graph.vectors.get(reshape!.inputs[1]!), { offsets: [0, 3], slopes: [2, 0] })
  assert.deepEqual(graph.vectors.get(slice!.inputs[2]!), { offsets: [-1], slopes: [1] })
  assert.equal(slice!.inputs[0], reshape!.outputs[0])
  // the two zeros are one constant, and the only one left
  assert.deepEqual([slice!.inputs[1], slice!.inputs[3]], [graph.constants[0]!.name, graph.constants[0]!.name])
  assert.equal(graph.constants.length, 1)
})

test('vectors that coincide at one of the sizes are told apart', () => {
  const graph = generalise(
    trace((graph, size) => {
      const wide = graph.node('Expand', ['x', graph.int64([8])])
      return graph.node('Concat', [wide, graph.node('Expand', ['y', graph.int64([size])])], { axis: 0 })
    }),
    [6, 7, 8],
  )
  assert.ok(!graph.vectors.has(graph.nodes[0]!.inputs[1]!))
  assert.deepEqual(graph.vectors.get(graph.nodes[1]!.inputs[1]!), { offsets: [0], slopes: [1] })
})

test('traces that differ in anything else are refused, and what differs is named', () => {
  const refused = (build: Parameters<typeof trace>[0], message: RegExp) =>
    assert.throws(() => generalise(trace(build), [6, 8, 9]), { code: 'SHAPE_MISMATCH', message })
  refused((graph, size) => graph.node('Expand', ['x', graph.int64([size * size])]), /input 1 of node 0 \(Expand\)/)
  refused((graph, size) => graph.node('Mul', ['x', graph.scalar(size, 'float32')]), /input 1 of node 0 \(Mul\)/)
  refused((graph, size) => graph.node('Softmax', ['x'], { axis: size }), /node 0 \(Softmax\)/)
  refused((graph, size) => graph.node(size > 8 ? 'Neg' : 'Abs', ['x']), /node 0/)
  refused(
    (graph, size) => (size > 8 ? graph.node('Neg', [graph.node('Abs', ['x'])]) : graph.node('Neg', ['x'])),
    /number/,
  )
  // [8] and [size] are one vector at size 8, so that the second node is the first
  refused((graph, size) => {
    const wide = graph.node('Expand', ['x', graph.int64([8])])
    return graph.node('Concat', [wide, graph.node('Expand', ['x', graph.int64([size])])], { axis: 0 })
  }, /the number of nodes/)
})
