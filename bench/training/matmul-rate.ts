import { Tensor } from 'onnxruntime-node'
import { GraphRecorder } from '../../training/engine/graph-recorder.js'
import { createSession, onnxDevice } from '../../training/engine/onnx-device.js'
import { encodeModel } from '../../training/engine/onnx-encoding.js'

/** rows, inner size and columns: large enough that nothing but the product counts */
const [ROWS, INNER, COLUMNS] = [2048, 1024, 1024] as const
const REPEATS = 8

/**
 * The rate of ONNX Runtime's own float32 matrix product on the CPU, the ceiling of a training step there.
 * @returns TFLOP/s, the best of several products
 */
export async function cpuMatmulRate(threads?: number): Promise<number> {
  const graph = new GraphRecorder()
  const product = graph.node('Gemm', ['a', 'b'])
  const model = encodeModel({
    name: 'product',
    nodes: graph.nodes,
    constants: [],
    inputs: [
      { name: 'a', type: 'float32', shape: [ROWS, INNER] },
      { name: 'b', type: 'float32', shape: [INNER, COLUMNS] },
    ],
    outputs: [{ name: product, type: 'float32', shape: [ROWS, COLUMNS] }],
  })
  const session = await createSession(model, onnxDevice('cpu', { threads }))
  const filled = (rows: number, columns: number) =>
    new Tensor('float32', new Float32Array(rows * columns).fill(0.5), [rows, columns])
  const feeds = { a: filled(ROWS, INNER), b: filled(INNER, COLUMNS) }
  let bestMs = Number.POSITIVE_INFINITY
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const began = performance.now()
    await session.run(feeds)
    bestMs = Math.min(bestMs, performance.now() - began)
  }
  await session.release()
  return (2 * ROWS * INNER * COLUMNS) / bestMs / 1e9
}
