import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { GraphBuilder } from '../../../src/onnx/graph-builder.js'
import { DataType, encodeModel } from '../../../src/onnx/protobuf.js'
import { type LinearArithmetic, linearLayers } from '../../../src/onnx/variants/linear.js'

const [INPUTS, OUTPUTS] = [48, 20]

async function product(rows: readonly number[][], kernel: Float32Array, arithmetic: LinearArithmetic) {
  const graph = new GraphBuilder()
  const x = graph.input('x', DataType.FLOAT, ['rows', INPUTS])
  const layers = linearLayers(graph, { kernel: { shape: [INPUTS, OUTPUTS], values: kernel } }, arithmetic)
  graph.node('Identity', [layers.prepare(x).times('kernel')], { output: 'y' })
  graph.output('y', DataType.FLOAT, ['rows', OUTPUTS])
  const model = encodeModel(graph.build('linear', { opset: 17, domains: { 'com.microsoft': 1 } }))
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 })
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.from(rows.flat()), [rows.length, INPUTS]) })
  await session.release()
  return y!.data as Float32Array
}

const wave = (i: number) => Math.sin(12.9898 * (i + 1))
const KERNEL = Float32Array.from({ length: INPUTS * OUTPUTS }, (_, i) => wave(i) * (1 + (i % OUTPUTS)))
/** rows of very different magnitude, and one of zeros */
const ROWS = [1, 100, 1e-3, 0].map((scale, row) =>
  Array.from({ length: INPUTS }, (_, i) => scale * wave(i + 1000 * row)),
)

/** @returns the nearest multiples of the group's largest magnitude over `levels` */
function rounded(group: readonly number[], levels: number): number[] {
  const step = Math.max(...group.map(Math.abs)) / levels
  return step === 0 ? [...group] : group.map((value) => Math.round(value / step) * step)
}

function expected(rows: readonly number[][], quantised: boolean): number[] {
  const columns = Array.from({ length: OUTPUTS }, (_, column) =>
    Array.from({ length: INPUTS }, (_, row) => KERNEL[row * OUTPUTS + column]!),
  )
  const [left, right] = quantised
    ? [rows.map((row) => rounded(row, 63)), columns.map((column) => rounded(column, 127))]
    : [rows, columns]
  return left.flatMap((row) => right.map((column) => row.reduce((sum, value, i) => sum + value * column[i]!, 0)))
}

for (const arithmetic of ['fp32', 'int8'] satisfies LinearArithmetic[]) {
  test(`${arithmetic} products are those of the formula, each row to its own scale`, async () => {
    const found = await product(ROWS, KERNEL, arithmetic)
    expected(ROWS, arithmetic === 'int8').forEach((value, i) => {
      const magnitude = Math.max(...ROWS[Math.floor(i / OUTPUTS)]!.map(Math.abs))
      assert.ok(Math.abs(found[i]! - value) <= 1e-3 * magnitude, `${i}: ${found[i]} is not ${value}`)
    })
  })
}

test('int8 products of the largest values are not clipped on any processor', async () => {
  const found = await product(
    [new Array<number>(INPUTS).fill(1)],
    KERNEL.map(() => 1),
    'int8',
  )
  for (const value of found) assert.ok(Math.abs(value - INPUTS) < 1e-3, String(value))
})
