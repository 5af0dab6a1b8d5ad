/**
 * How weights.bin stores an encoder's parameters: one after the other in the order of `parameterSpecs`, each aligned, in the
 * type that precision and kind decide. Matrices are fp16 or int8 with fp32 scales; vectors (biases, norms) stay fp32: they
 * are a thousandth of the bytes.
 */

import { ShapeMismatch } from '../errors.js'
import type { EncoderConfig } from '../family/encoder-config.js'
import { type ParameterSpec, parameterSpecs } from '../family/parameters.js'
import { elementCount, type HostTensors } from '../family/tensor.js'
import { type ExternalWeights, layOut, type OuterTensor } from './external-weights.js'
import { toFloat16 } from './float16.js'
import { type QuantisationGroup, quantise } from './int8.js'
import { bytesOf, DataType, type TypedBytes } from './protobuf.js'

export type Precision = 'fp16' | 'int8'

/** @returns whether a parameter is a matrix, hence stored in the precision asked for */
export function isMatrix(spec: ParameterSpec): boolean {
  return spec.kind === 'kernel' || spec.kind === 'embedding'
}

/** @returns along what an int8 matrix has its scales: a kernel's output column, an embedding's row */
export function quantisationGroup(spec: ParameterSpec): QuantisationGroup {
  return spec.kind === 'kernel' ? 'column' : 'row'
}

/**
 * Encodes the parameters for an external file called `location`.
 * @returns initialisers by parameter name, and `<name>.scale` for int8
 * @throws ShapeMismatch when a parameter is missing, is not fp32 or has another shape than the config says
 */
export function storeWeights(
  config: EncoderConfig,
  parameters: HostTensors,
  precision: Precision,
  location: string,
): ExternalWeights {
  const pieces: OuterTensor[] = []
  const add = (name: string, type: DataType, shape: readonly number[], values: TypedBytes) =>
    pieces.push({ name, type, shape, bytes: bytesOf(values) })
  for (const spec of parameterSpecs(config)) {
    const values = parameterValues(parameters, spec)
    if (!isMatrix(spec)) add(spec.name, DataType.FLOAT, spec.shape, values)
    else if (precision === 'fp16') add(spec.name, DataType.FLOAT16, spec.shape, toFloat16(values))
    else {
      const [rows = 0, columns = 0] = spec.shape
      const group = quantisationGroup(spec)
      const quantised = quantise(values, rows, columns, group)
      add(spec.name, DataType.INT8, spec.shape, quantised.values)
      add(`${spec.name}.scale`, DataType.FLOAT, group === 'column' ? [columns] : [rows, 1], quantised.scales)
    }
  }
  return layOut(pieces, location)
}

function parameterValues(parameters: HostTensors, spec: ParameterSpec): Float32Array {
  const tensor = parameters[spec.name]
  const wanted = `[${spec.shape.join(', ')}]`
  if (!tensor) throw new ShapeMismatch(`parameter "${spec.name}" ${wanted} is missing`)
  if (!(tensor.values instanceof Float32Array)) throw new ShapeMismatch(`parameter "${spec.name}" is not fp32`)
  if (tensor.shape.join() !== spec.shape.join() || tensor.values.length !== elementCount(spec.shape)) {
    throw new ShapeMismatch(`parameter "${spec.name}" is [${tensor.shape.join(', ')}], the config says ${wanted}`)
  }
  return tensor.values
}
