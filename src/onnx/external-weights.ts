/**
 * Tensors in a file beside their model. On the CPU, ONNX Runtime maps that file and reads a tensor in place where no operator packs it
 * anew: memory that all sessions and all processes have together, and that a start does not copy.
 */
import { type DataType, decodeModel, encodeModel, externalTensor, shapeOf, type TensorProto } from './protobuf.js'

export interface OuterTensor {
  readonly name: string
  readonly type: DataType
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

export interface ExternalWeights {
  /** initialisers that point into the file, by name */
  readonly tensors: ReadonlyMap<string, TensorProto>
  /** the contents of the file */
  readonly bytes: Uint8Array
}

export interface SplitModel {
  /** contents of the model file */
  readonly model: Uint8Array
  /** contents of the file beside it */
  readonly weights: Uint8Array
}

/** Offsets are multiples of it, so that tensors can be mapped and read in place. */
const ALIGNMENT_BYTES = 64
/** What is smaller stays in the model: shapes and axes, which ONNX Runtime wants to know when it plans. */
const LEAST_OUTER_BYTES = 4_096

/** Lays tensors one after the other into a file called `location`. */
export function layOut(pieces: readonly OuterTensor[], location: string): ExternalWeights {
  let offset = 0
  const offsets = pieces.map(({ bytes }) => {
    const start = offset
    offset = Math.ceil((start + bytes.length) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    return start
  })
  const file = new Uint8Array(offset)
  const tensors = new Map<string, TensorProto>()
  pieces.forEach(({ name, type, shape, bytes }, i) => {
    file.set(bytes, offsets[i]!)
    tensors.set(name, externalTensor(name, type, shape, { location, offset: offsets[i]!, length: bytes.length }))
  })
  return { tensors, bytes: file }
}

/**
 * Moves the large tensors of a model that holds all of its own into a file called `location`.
 * @throws Error when the bytes are not an ONNX model
 */
export function splitModel(whole: Uint8Array, location: string): SplitModel {
  const model = decodeModel(whole)
  const { graph } = model
  const large = (graph?.initializer ?? []).filter(({ rawData }) => rawData.length >= LEAST_OUTER_BYTES)
  const pieces = large.map((tensor) => {
    return { name: tensor.name, type: tensor.dataType, shape: shapeOf(tensor), bytes: tensor.rawData }
  })
  const { tensors, bytes } = layOut(pieces, location)
  if (graph) graph.initializer = graph.initializer.map((tensor) => tensors.get(tensor.name) ?? tensor)
  return { model: encodeModel(model), weights: bytes }
}
