/** Kernels that read or write elements at computed indices. Indices must lie within bounds; ONNX Runtime checks gathers. */
import type { TensorInfo } from '@tensorflow/tfjs'
import { KernelUnsupported } from '../../../src/errors.js'
import { elementTypeNumber } from '../onnx-encoding.js'
import { tf } from '../tfjs.js'
import { type TracingBackend, tracedType } from '../tracing-backend.js'
import type { TracedKernel } from './traced-kernel.js'
import { castTo } from './unary.js'

function asInt64(backend: TracingBackend, name: string): string {
  return backend.graph.node('Cast', [name], { to: elementTypeNumber('int64') })
}

function zeros(backend: TracingBackend, shape: readonly number[], dtype: string): string {
  const { graph } = backend
  return graph.node('Expand', [graph.scalar(0, dtype === 'int32' ? 'int32' : 'float32'), graph.int64(shape)])
}

/** @returns the sum of updates at their indices [..., depth], elsewhere the base's elements */
function scattered(
  backend: TracingBackend,
  base: string,
  indices: string,
  updates: TensorInfo,
  shape: readonly number[],
  reduction: 'add' | 'none',
): TensorInfo {
  const inputs = [base, asInt64(backend, indices), backend.full(updates)]
  return backend.symbolic(backend.graph.node('ScatterND', inputs, { reduction }), shape, tracedType(updates.dtype))
}

export const indexingKernels: Readonly<Record<string, TracedKernel>> = {
  GatherV2: (backend, { x, indices }, { axis, batchDims }) => {
    const { graph } = backend
    const at = tf.util.parseAxisParam(axis, x!.shape)[0]!
    const places = castTo(backend, indices!, 'int32')
    const type = tracedType(x!.dtype)
    if (!batchDims) {
      const shape = [...x!.shape.slice(0, at), ...indices!.shape, ...x!.shape.slice(at + 1)]
      return backend.symbolic(graph.node('Gather', [backend.full(x!), backend.full(places)], { axis: at }), shape, type)
    }
    if (at !== batchDims) throw new KernelUnsupported('GatherV2 with batchDims other than its axis')
    const column = graph.node('Reshape', [backend.full(places), graph.int64([...indices!.shape, 1])])
    const inputs = [backend.full(x!), asInt64(backend, column)]
    const shape = [...indices!.shape, ...x!.shape.slice(at + 1)]
    return backend.symbolic(graph.node('GatherND', inputs, { batch_dims: batchDims }), shape, type)
  },
  GatherNd: (backend, { params, indices }) => {
    const depth = indices!.shape.at(-1)!
    const shape = [...indices!.shape.slice(0, -1), ...params!.shape.slice(depth)]
    const inputs = [backend.full(params!), asInt64(backend, backend.full(indices!))]
    return backend.symbolic(backend.graph.node('GatherND', inputs), shape, tracedType(params!.dtype))
  },
  ScatterNd: (backend, { indices, updates }, { shape }) =>
    scattered(backend, zeros(backend, shape, updates!.dtype), backend.full(indices!), updates!, shape, 'add'),
  TensorScatterUpdate: (backend, { tensor, indices, updates }) =>
    scattered(backend, backend.full(tensor!), backend.full(indices!), updates!, tensor!.shape, 'none'),
  // The gradient of a gather. Ids are never negative there.
  UnsortedSegmentSum: (backend, { x, segmentIds }, { numSegments }) => {
    const { graph } = backend
    const shape = [numSegments, ...x!.shape.slice(segmentIds!.shape.length)]
    const column = graph.node('Reshape', [backend.full(segmentIds!), graph.int64([...segmentIds!.shape, 1])])
    return scattered(backend, zeros(backend, shape, x!.dtype), column, x!, shape, 'add')
  },
  // Compared with 0, 1, 2, …: an index out of range gives a row of off values, as in tfjs.
  OneHot: (backend, { indices }, { depth, onValue, offValue, dtype }) => {
    const { graph } = backend
    const type = tracedType(dtype ?? 'float32')
    const classes = graph.constant(
      Int32Array.from({ length: depth }, (_, index) => index),
      [depth],
      'int32',
    )
    const places = backend.full(castTo(backend, indices!, 'int32'))
    const column = graph.node('Reshape', [places, graph.int64([...indices!.shape, 1])])
    const name = graph.node('Where', [
      graph.node('Equal', [column, classes]),
      graph.scalar(onValue, type),
      graph.scalar(offValue, type),
    ])
    return backend.symbolic(name, [...indices!.shape, depth], type)
  },
  TopK: (backend, { x }, { k, sorted }) => {
    const { graph } = backend
    const shape = [...x!.shape.slice(0, -1), k]
    const inputs = [backend.full(x!), graph.int64([k])]
    const [values, places] = graph.nodeWithOutputs('TopK', inputs, 2, { axis: -1, sorted: sorted ? 1 : 0 })
    const indices = graph.node('Cast', [places!], { to: elementTypeNumber('int32') })
    return [backend.symbolic(values!, shape, tracedType(x!.dtype)), backend.symbolic(indices, shape, 'int32')]
  },
}
