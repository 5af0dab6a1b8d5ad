/** Builds an ONNX graph node by node; values are named by strings, as in ONNX itself. */
import { create } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { DataType, inlineTensor, type ModelProto, type TensorProto } from './protobuf.js'

/** An attribute says its ONNX type, since 1 is both an int and a float in JavaScript. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>
  /** default: the ONNX operators */
  readonly domain?: string
  /** name of the first output; default: made from the operator */
  readonly output?: string
  readonly outputs?: number
}

/** A dimension: its size, or the name of one that varies. */
export type Dimension = number | string

export interface ModelOptions {
  readonly opset: number
  /** versions of further operator sets by domain */
  readonly domains?: Readonly<Record<string, number>>
  readonly metadata?: Readonly<Record<string, string>>
}

/** ONNX file format version 9 (ONNX 1.14): the newest that every runtime of opset 17 reads. */
const IR_VERSION = 9n

export class GraphBuilder {
  readonly #nodes: NodeProto[] = []
  readonly #initializers = new Map<string, TensorProto>()
  readonly #inputs: ValueInfoProto[] = []
  readonly #outputs: ValueInfoProto[] = []
  readonly #values: ValueInfoProto[] = []
  #names = 0

  input(name: string, type: DataType, dimensions: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, type, dimensions))
    return name
  }

  output(name: string, type: DataType, dimensions: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, type, dimensions))
  }

  /** States the shape of an inner value that shape inference cannot find. @returns its name */
  declare(name: string, type: DataType, dimensions: readonly Dimension[]): string {
    this.#values.push(valueInfo(name, type, dimensions))
    return name
  }

  /** @returns the name of the node's first output */
  node(operator: string, inputs: readonly string[], options: NodeOptions = {}): string {
    return this.nodes(operator, inputs, options)[0]!
  }

  /** @returns the names of all of the node's outputs */
  nodes(operator: string, inputs: readonly string[], options: NodeOptions = {}): string[] {
    const first = options.output ?? `${operator}_${this.#names++}`
    const output = Array.from({ length: options.outputs ?? 1 }, (_, i) => (i === 0 ? first : `${first}.${i}`))
    const attribute = Object.entries(options.attributes ?? {}).map(([name, value]) => attributeProto(name, value))
    const domain = options.domain ?? ''
    this.#nodes.push(
      create(NodeProtoSchema, {
        name: `${first}/node`,
        opType: operator,
        domain,
        input: [...inputs],
        output,
        attribute,
      }),
    )
    return output
  }

  initializer(tensor: TensorProto): string {
    this.#initializers.set(tensor.name, tensor)
    return tensor.name
  }

  /** An fp32 scalar; equal ones are stored once. */
  scalar(value: number): string {
    const name = `scalar.${value}`
    if (this.#initializers.has(name)) return name
    return this.initializer(inlineTensor(name, DataType.FLOAT, [], new Float32Array([value])))
  }

  /** An int64 vector, or a scalar when a single number is given; equal ones are stored once. */
  int64(value: number | readonly number[]): string {
    const values = typeof value === 'number' ? [value] : value
    const shape = typeof value === 'number' ? [] : [values.length]
    const name = `int64.${typeof value === 'number' ? value : `[${values.join(',')}]`}`
    if (this.#initializers.has(name)) return name
    return this.initializer(inlineTensor(name, DataType.INT64, shape, BigInt64Array.from(values.map(BigInt))))
  }

  build(graphName: string, options: ModelOptions): ModelProto {
    const opsets = { '': options.opset, ...options.domains }
    return create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'lextier',
      opsetImport: Object.entries(opsets).map(([domain, version]) =>
        create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
      ),
      graph: create(GraphProtoSchema, {
        name: graphName,
        node: this.#nodes,
        initializer: [...this.#initializers.values()],
        input: this.#inputs,
        output: this.#outputs,
        valueInfo: this.#values,
      }),
      metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      ),
    })
  }
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if ('int' in value) return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value.int) })
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
  if ('ints' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.ints.map(BigInt) })
  }
  if ('floats' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...value.floats] })
  }
  const s = new TextEncoder().encode(value.string)
  return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s })
}

/** A graph's input or output, or the declared type of a value within. */
export function valueInfo(name: string, elemType: DataType, dimensions: readonly Dimension[]): ValueInfoProto {
  const dim = dimensions.map((dimension) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof dimension === 'string'
          ? { case: 'dimParam', value: dimension }
          : { case: 'dimValue', value: BigInt(dimension) },
    }),
  )
  const shape = create(TensorShapeProtoSchema, { dim })
  const type = create(TypeProtoSchema, {
    value: { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType, shape }) },
  })
  return create(ValueInfoProtoSchema, { name, type })
}
