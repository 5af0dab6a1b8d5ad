/**
 * Reads the named weights back from a portable model and its external file, dequantised: variants for a provider are
 * derived from them.
 */
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FamilyInvalid } from '../errors.js'
import type { EncoderConfig } from '../family/encoder-config.js'
import { type ParameterSpec, parameterSpecs } from '../family/parameters.js'
import { elementCount, type HostTensor, type HostTensors } from '../family/tensor.js'
import { fromFloat16 } from './float16.js'
import { dequantise } from './int8.js'
import { DataType, decodeModel, externalBytes, shapeOf, type TensorProto } from './protobuf.js'
import { quantisationGroup } from './stored-weights.js'

/**
 * @returns every parameter of the config by name, in fp32: exactly the values that the portable model computes with
 * @throws FamilyInvalid when the model is not ONNX, lacks a parameter, or one does not fit the config or the external file
 */
export async function readWeights(modelFile: string, config: EncoderConfig): Promise<HostTensors> {
  const folder = dirname(modelFile)
  const fail = (reason: string) => new FamilyInvalid(folder, `${basename(modelFile)} ${reason}`)
  const tensors = await readInitializers(modelFile)
  const files = new Map<string, Promise<Uint8Array>>()
  const bytesOf = async (tensor: TensorProto): Promise<Uint8Array> => {
    const external = externalBytes(tensor)
    if (!external) return tensor.rawData
    if (basename(external.location) !== external.location)
      throw fail(`points outside its folder (${external.location})`)
    let file = files.get(external.location)
    if (!file) {
      file = readFile(join(folder, external.location))
      files.set(external.location, file)
    }
    return (await file).subarray(external.offset, external.offset + external.length)
  }
  const typed = async (tensor: TensorProto) => toTyped(tensor.dataType, await bytesOf(tensor))

  const read = async (spec: ParameterSpec): Promise<HostTensor> => {
    const tensor = tensors.get(spec.name)
    if (!tensor) throw fail(`has no parameter "${spec.name}"`)
    if (shapeOf(tensor).join() !== spec.shape.join()) {
      throw fail(`holds "${spec.name}" as [${shapeOf(tensor)}], the config says [${spec.shape}]`)
    }
    const values = await typed(tensor)
    if (values?.length !== elementCount(spec.shape)) throw fail(`does not hold all of "${spec.name}"`)
    if (values instanceof Float32Array) return { shape: spec.shape, values }
    if (values instanceof Uint16Array) return { shape: spec.shape, values: fromFloat16(values) }
    const scale = tensors.get(`${spec.name}.scale`)
    const scales = scale && (await typed(scale))
    const group = quantisationGroup(spec)
    const groups = group === 'column' ? spec.shape[1] : spec.shape[0]
    if (!(scales instanceof Float32Array) || scales.length !== groups) throw fail(`has no scales of "${spec.name}"`)
    return { shape: spec.shape, values: dequantise({ values, scales }, spec.shape[1]!, group) }
  }
  const weights: HostTensors = {}
  for (const spec of parameterSpecs(config)) weights[spec.name] = await read(spec)
  return weights
}

async function readInitializers(modelFile: string): Promise<Map<string, TensorProto>> {
  const bytes = await readFile(modelFile)
  try {
    const model = decodeModel(bytes)
    return new Map((model.graph?.initializer ?? []).map((tensor) => [tensor.name, tensor]))
  } catch (error) {
    throw new FamilyInvalid(dirname(modelFile), `${basename(modelFile)} is not an ONNX model (${String(error)})`)
  }
}

/** Copies, since a typed array must start at a multiple of its element size. */
function toTyped(type: DataType, bytes: Uint8Array): Float32Array | Uint16Array | Int8Array | undefined {
  const { buffer } = new Uint8Array(bytes) // a Buffer's own slice would share the file's memory
  if (type === DataType.FLOAT && buffer.byteLength % 4 === 0) return new Float32Array(buffer)
  if (type === DataType.FLOAT16 && buffer.byteLength % 2 === 0) return new Uint16Array(buffer)
  if (type === DataType.INT8) return new Int8Array(buffer)
  return undefined
}
