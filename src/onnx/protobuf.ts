/** A thin face on onnx-buf: ONNX models as bytes, tensors inside the file or in an external one. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from 'onnx-buf'

export { DataType, type ModelProto, type TensorProto }

/** Where a tensor's bytes lie outside of the model file. */
export interface ExternalBytes {
  /** file name beside the model */
  readonly location: string
  readonly offset: number
  readonly length: number
}

export type TypedBytes = Float32Array | Int32Array | Uint16Array | Int8Array | Uint8Array | BigInt64Array

/** @returns the model's file contents */
export function encodeModel(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model)
}

/** @throws Error when the bytes are not a protobuf message of this kind */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return fromBinary(ModelProtoSchema, bytes)
}

/** A tensor whose little-endian bytes are part of the model file. */
export function inlineTensor(name: string, type: DataType, shape: readonly number[], values: TypedBytes): TensorProto {
  return create(TensorProtoSchema, { name, dataType: type, dims: shape.map(BigInt), rawData: bytesOf(values).slice() })
}

/** A tensor whose little-endian bytes lie in another file. */
export function externalTensor(
  name: string,
  type: DataType,
  shape: readonly number[],
  bytes: ExternalBytes,
): TensorProto {
  const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value })
  return create(TensorProtoSchema, {
    name,
    dataType: type,
    dims: shape.map(BigInt),
    dataLocation: DataLocation.EXTERNAL,
    externalData: [
      entry('location', bytes.location),
      entry('offset', String(bytes.offset)),
      entry('length', String(bytes.length)),
    ],
  })
}

/** @returns where the tensor's bytes are, or undefined when they are inside the model file */
export function externalBytes(tensor: TensorProto): ExternalBytes | undefined {
  if (tensor.dataLocation !== DataLocation.EXTERNAL) return undefined
  const value = (key: string) => tensor.externalData.find((entry) => entry.key === key)?.value
  return { location: value('location') ?? '', offset: Number(value('offset') ?? 0), length: Number(value('length')) }
}

/** @returns the dimensions as numbers */
export function shapeOf(tensor: TensorProto): number[] {
  return tensor.dims.map(Number)
}

/** @returns the same memory, as bytes (every platform that ONNX Runtime supports is little-endian, as ONNX is) */
export function bytesOf(values: TypedBytes): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength)
}
