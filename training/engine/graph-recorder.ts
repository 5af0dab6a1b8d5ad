/**
 * Records an ONNX graph node by node. Names are unique within a recorder; equal nodes and equal small constants are
 * recorded once (every operator used here is a pure function of its inputs).
 */

/** Element types a recorded constant may have; tfjs itself knows the first three. */
export type OnnxElementType = 'float32' | 'int32' | 'bool' | 'int64' | 'float16' | 'bfloat16'

/** A float attribute; plain numbers are integer attributes. */
export class OnnxFloat {
  constructor(readonly value: number) {}
}

export type AttributeValue = number | readonly number[] | string | OnnxFloat
export type Attributes = Readonly<Record<string, AttributeValue>>

export interface RecordedNode {
  readonly opType: string
  /** empty for the standard operators, `com.microsoft` for ONNX Runtime's own */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
}

export interface RecordedConstant {
  readonly name: string
  readonly type: OnnxElementType
  readonly shape: readonly number[]
  /** little-endian, row-major */
  readonly bytes: Uint8Array
}

export type ConstantValues = Float32Array | Int32Array | Uint8Array | BigInt64Array

/** Constants up to this many elements are recorded once however often they occur. */
const DEDUPLICATED_ELEMENTS = 64

export class GraphRecorder {
  readonly nodes: RecordedNode[] = []
  readonly constants: RecordedConstant[] = []
  private readonly recorded = new Map<string, readonly string[]>()
  private readonly smallConstants = new Map<string, string>()
  private readonly producers = new Map<string, RecordedNode>()
  private names = 0

  /** @param prefix of every name made here; graphs nested in one another must not share names */
  constructor(private readonly prefix = '') {}

  /** @returns a name that no value of this graph has yet */
  unique(prefix: string): string {
    return `${this.prefix}${prefix}_${this.names++}`
  }

  /** Appends a node with one output. @returns the output's name */
  node(opType: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    return this.nodeWithOutputs(opType, inputs, 1, attributes, domain)[0]!
  }

  /** Appends a node. @returns its outputs' names */
  nodeWithOutputs(
    opType: string,
    inputs: readonly string[],
    outputCount: number,
    attributes: Attributes = {},
    domain = '',
  ): readonly string[] {
    const key = JSON.stringify([domain, opType, inputs, outputCount, Object.entries(attributes).map(attributeKey)])
    const known = this.recorded.get(key)
    if (known) return known
    const outputs = Array.from({ length: outputCount }, () => this.unique(opType))
    const node = { opType, domain, inputs, outputs, attributes }
    this.nodes.push(node)
    for (const output of outputs) this.producers.set(output, node)
    this.recorded.set(key, outputs)
    return outputs
  }

  /** @returns the node that computes the value; undefined for inputs and constants */
  producer(name: string): RecordedNode | undefined {
    return this.producers.get(name)
  }

  /** @returns the name of a constant with these values */
  constant(values: ConstantValues, shape: readonly number[], type: OnnxElementType): string {
    const key = values.length <= DEDUPLICATED_ELEMENTS ? constantKey(values, shape, type) : undefined
    const known = key === undefined ? undefined : this.smallConstants.get(key)
    if (known) return known
    const name = this.unique('constant')
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice()
    this.constants.push({ name, type, shape, bytes })
    if (key !== undefined) this.smallConstants.set(key, name)
    return name
  }

  /** @returns the name of a scalar constant */
  scalar(value: number, type: 'float32' | 'int32' | 'bool'): string {
    if (type === 'float32') return this.constant(Float32Array.of(value), [], type)
    if (type === 'int32') return this.constant(Int32Array.of(value), [], type)
    return this.constant(Uint8Array.of(value ? 1 : 0), [], type)
  }

  /** @returns the name of a vector of int64, the type in which ONNX takes shapes and axes */
  int64(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length], 'int64')
  }

  /** Drops the nodes and constants on which none of the values named depends. */
  prune(outputs: readonly string[]): { nodes: RecordedNode[]; constants: RecordedConstant[] } {
    const needed = new Set(outputs)
    const nodes = []
    for (let index = this.nodes.length - 1; index >= 0; index--) {
      const node = this.nodes[index]!
      if (!node.outputs.some((output) => needed.has(output))) continue
      for (const input of node.inputs) needed.add(input)
      nodes.push(node)
    }
    return { nodes: nodes.reverse(), constants: this.constants.filter(({ name }) => needed.has(name)) }
  }
}

function attributeKey([name, value]: [string, AttributeValue]): unknown {
  return [name, value instanceof OnnxFloat ? `float ${value.value}` : value]
}

// -0 and 0 differ in effect (1/x), and NaNs may carry anything: the key is made of the bytes.
function constantKey(values: ConstantValues, shape: readonly number[], type: OnnxElementType): string {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return `${type}:${shape.join()}:${bytes.toString('hex')}`
}
