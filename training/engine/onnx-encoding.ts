/** Writes recorded graphs as ONNX files. */
import { create, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProto,
} from 'onnx-buf'
import { valueInfo } from '../../src/onnx/graph-builder.js'
import {
  type AttributeValue,
  type OnnxElementType,
  OnnxFloat,
  type RecordedConstant,
  type RecordedNode,
} from './graph-recorder.js'

/** The operator set that every kernel is written for: reductions take their axes as inputs from 18 on. */
const OPSET = 18n
/** The ONNX file version that came with opset 18. */
const IR_VERSION = 8n

const ELEMENT_TYPES: Record<OnnxElementType, TensorProto_DataType> = {
  float32: TensorProto_DataType.FLOAT,
  int32: TensorProto_DataType.INT32,
  bool: TensorProto_DataType.BOOL,
  int64: TensorProto_DataType.INT64,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
}

/** A graph's input or output. A string dimension is symbolic: it may differ from run to run. */
export interface ValueInfo {
  readonly name: string
  readonly type: OnnxElementType
  readonly shape: readonly (number | string)[]
}

export interface GraphParts {
  readonly name: string
  readonly nodes: readonly (RecordedNode | SubgraphNode)[]
  readonly constants: readonly RecordedConstant[]
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
}

/** A node such as Loop or If, whose attributes are graphs. */
export interface SubgraphNode {
  readonly opType: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly graphs: Readonly<Record<string, GraphParts>>
}

/** @returns the ONNX element type's number, as Cast's attribute `to` wants it */
export function elementTypeNumber(type: OnnxElementType): number {
  return ELEMENT_TYPES[type]
}

/** @returns the bytes of an ONNX model file */
export function encodeModel(graph: GraphParts): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'lextier',
      opsetImport: [
        create(OperatorSetIdProtoSchema, { domain: '', version: OPSET }),
        create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
      ],
      graph: graphProto(graph),
    }),
  )
}

function graphProto(graph: GraphParts): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name,
    node: graph.nodes.map((node) =>
      create(NodeProtoSchema, {
        opType: node.opType,
        domain: node.domain,
        name: `${node.opType}:${node.outputs[0]}`,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute:
          'graphs' in node
            ? Object.entries(node.graphs).map(graphAttribute)
            : Object.entries(node.attributes).map(attribute),
      }),
    ),
    initializer: graph.constants.map((constant) =>
      create(TensorProtoSchema, {
        name: constant.name,
        dataType: ELEMENT_TYPES[constant.type],
        dims: constant.shape.map(BigInt),
        rawData: constant.bytes as Uint8Array<ArrayBuffer>,
      }),
    ),
    input: graph.inputs.map(valueInfoProto),
    output: graph.outputs.map(valueInfoProto),
  })
}

function graphAttribute([name, graph]: [string, GraphParts]): AttributeProto {
  return create(AttributeProtoSchema, {
    name,
    type: AttributeProto_AttributeType.GRAPH,
    g: graphProto(graph),
  })
}

function attribute([name, value]: [string, AttributeValue]): AttributeProto {
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) })
  }
  if (typeof value === 'string') {
    const bytes = new TextEncoder().encode(value)
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRING, s: bytes })
  }
  if (value instanceof OnnxFloat) {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value.value })
  }
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) })
}

function valueInfoProto({ name, type, shape }: ValueInfo): ValueInfoProto {
  return valueInfo(name, ELEMENT_TYPES[type], shape)
}
