/** What every derived encoder is made of, on the rows of a batch's real tokens: layers, norms, GELU, and the head. */
import type { EncoderConfig } from '../../family/encoder-config.js'
import type { HostTensors } from '../../family/tensor.js'
import { toFloat16 } from '../float16.js'
import type { GraphBuilder } from '../graph-builder.js'
import { DataType, inlineTensor } from '../protobuf.js'
import type { LinearInput, LinearLayers } from './linear.js'

export const OPSET = 17
export const MICROSOFT = { domain: 'com.microsoft' }

export interface EncoderParts {
  readonly graph: GraphBuilder
  readonly config: EncoderConfig
  readonly weights: HostTensors
  readonly layers: LinearLayers
  /** of states, norms and biases */
  readonly element: 'fp32' | 'fp16'
  /** @param prefix of the parameters @returns the heads' mixtures of values, joined, [real, hidden] */
  attention(prefix: string, states: LinearInput): string
}

/** @returns [real, hidden] */
export function encoderLayer(parts: EncoderParts, prefix: string, states: string): string {
  const mixed = parts.attention(`${prefix}.attention.self`, parts.layers.prepare(states))
  return encoderLayerRest(parts, prefix, mixed, states)
}

/** What follows attention, row by row. @param mixed what attention made of the rows @param states the rows before it */
export function encoderLayerRest(parts: EncoderParts, prefix: string, mixed: string, states: string): string {
  const { layers } = parts
  const attended = layers.prepare(mixed).times(`${prefix}.attention.output.dense.weight`)
  const output = `${prefix}.attention.output`
  const middle = skipLayerNorm(parts, attended, states, `${output}.LayerNorm`, `${output}.dense.bias`)
  return feedForward(parts, prefix, middle)
}

/** The second half of a layer, row by row. @param middle the rows after attention and its norm */
export function feedForward(parts: EncoderParts, prefix: string, middle: string): string {
  const { layers } = parts
  const wide = layers.prepare(middle).times(`${prefix}.intermediate.dense.weight`)
  const active = activation(parts, wide, `${prefix}.intermediate.dense.bias`)
  const narrow = layers.prepare(active).times(`${prefix}.output.dense.weight`)
  return skipLayerNorm(parts, narrow, middle, `${prefix}.output.LayerNorm`, `${prefix}.output.dense.bias`)
}

/** LayerNorm(input + bias + skip) */
export function skipLayerNorm(parts: EncoderParts, input: string, skip: string, norm: string, bias?: string): string {
  const inputs = [input, skip, parameter(parts, `${norm}.weight`), parameter(parts, `${norm}.bias`)]
  if (bias !== undefined) inputs.push(parameter(parts, bias))
  const attributes = { epsilon: { float: parts.config.layerNormEpsilon } }
  return parts.graph.node('SkipLayerNormalization', inputs, { ...MICROSOFT, attributes })
}

function activation(parts: EncoderParts, input: string, biasName: string): string {
  const { graph, config } = parts
  const bias = parameter(parts, biasName)
  if (config.activation === 'relu') return graph.node('Relu', [graph.node('Add', [input, bias])])
  return graph.node(config.activation === 'gelu' ? 'BiasGelu' : 'FastGelu', [input, bias], MICROSOFT)
}

/** The pooler, if there is one, and the classifier, in fp32. @param pooled fp32 [batch, hidden] */
export function classify({ graph, config, weights }: EncoderParts, pooled: string): void {
  const fp32 = (name: string) => {
    const { shape, values } = weights[name]!
    return graph.initializer(inlineTensor(name, DataType.FLOAT, shape, values))
  }
  let states = pooled
  if (config.pooler !== 'none') {
    const dense = graph.node('Gemm', [pooled, fp32('pooler.dense.weight'), fp32('pooler.dense.bias')])
    states = graph.node(config.pooler === 'tanh' ? 'Tanh' : 'Relu', [dense])
  }
  graph.node('Gemm', [states, fp32('classifier.weight'), fp32('classifier.bias')], { output: 'logits' })
  graph.output('logits', DataType.FLOAT, ['batch', config.labels])
}

/** Inputs are always of type 0: its row joins the position table. @returns [positions, hidden] */
export function positionsOfTypeZero({ typeVocabSize, hiddenSize }: EncoderConfig, weights: HostTensors): Float32Array {
  const table = (name: string) => weights[`embeddings.${name}_embeddings.weight`]!.values
  const positions = Float32Array.from(table('position'))
  if (typeVocabSize === 0) return positions
  const types = table('token_type')
  return positions.map((value, i) => value + types[i % hiddenSize]!)
}

/** @returns [positions, hidden] */
export function positionTable(parts: EncoderParts): string {
  const { config, weights } = parts
  const shape = [config.maxPositions, config.hiddenSize]
  return constant(parts, 'position_table', shape, positionsOfTypeZero(config, weights))
}

export const PROJECTIONS = ['query', 'key', 'value'] as const

/** @returns the biases of queries, keys and values, [3 · hidden] */
export function joinedBias(parts: EncoderParts, prefix: string): string {
  const biases = PROJECTIONS.map((name) => parts.weights[`${prefix}.${name}.bias`]!.values)
  const joined = Float32Array.from(biases.flatMap((values) => Array.from(values)))
  return constant(parts, `${prefix}.bias`, [joined.length], joined)
}

/** A parameter in the states' element type. */
export function parameter(parts: EncoderParts, name: string): string {
  const { shape, values } = parts.weights[name]!
  return constant(parts, name, shape, values instanceof Float32Array ? values : Float32Array.from(values))
}

/** A constant in the states' element type. */
export function constant(
  { graph, element }: EncoderParts,
  name: string,
  shape: readonly number[],
  values: Float32Array,
): string {
  const tensor =
    element === 'fp16'
      ? inlineTensor(name, DataType.FLOAT16, shape, toFloat16(values))
      : inlineTensor(name, DataType.FLOAT, shape, values)
  return graph.initializer(tensor)
}
