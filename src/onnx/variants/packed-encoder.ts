/**
 * The encoder without padding, from fused operators of ONNX Runtime (`com.microsoft`): every layer but attention runs on the
 * real tokens of the batch, one after the other, so that their cost follows the texts and not the longest of them.
 *
 *   input_ids [batch, tokens] ─ real tokens ─▶ [real, hidden] ─ linear, norms, GELU ─▶ …
 *                                                   │ Gather: each place's last real token (finite; masked as a key)
 *                                                   ▼
 *                                [batch, tokens, hidden] ─ MultiHeadAttention ─ Gather: real tokens ─▶ [real, hidden]
 *
 * Inputs and output are those of the portable model; the mask is 1 for the first tokens of a row and 0 after them.
 */
import type { EncoderConfig } from '../../family/encoder-config.js'
import { layerPrefix } from '../../family/parameters.js'
import type { HostTensors } from '../../family/tensor.js'
import { toFloat16 } from '../float16.js'
import { GraphBuilder } from '../graph-builder.js'
import { quantise } from '../int8.js'
import { DataType, encodeModel, inlineTensor } from '../protobuf.js'
import type { Precision } from '../stored-weights.js'
import { type LinearArithmetic, type LinearInput, type LinearLayers, linearLayers } from './linear.js'

const OPSET = 17
const MICROSOFT = { domain: 'com.microsoft' }

/**
 * @param weights as `readWeights` gives them
 * @param precision in which weights.bin stores matrices: embedding tables stay in it, rows are widened as they are looked up
 * @returns the model's file contents, weights included
 */
export function buildPackedEncoder(
  config: EncoderConfig,
  weights: HostTensors,
  precision: Precision,
  arithmetic: LinearArithmetic,
): Uint8Array {
  const graph = new GraphBuilder()
  const inputIds = graph.input('input_ids', DataType.INT64, ['batch', 'tokens'])
  const attentionMask = graph.input('attention_mask', DataType.INT64, ['batch', 'tokens'])
  const encoder: Encoder = {
    graph,
    config,
    weights,
    layers: linearLayers(graph, weights, arithmetic),
    places: placesOf(graph, attentionMask),
  }
  let states = embeddings(encoder, inputIds, precision)
  for (let layer = 0; layer < config.layers; layer++) states = encoderLayer(encoder, layerPrefix(layer), states)
  const pooled = pooler(encoder, config.pooling === 'cls' ? firstStates(encoder, states) : meanStates(encoder, states))
  graph.node('Gemm', [pooled, parameter(encoder, 'classifier.weight'), parameter(encoder, 'classifier.bias')], {
    output: 'logits',
  })
  graph.output('logits', DataType.FLOAT, ['batch', config.labels])
  return encodeModel(graph.build('packed_encoder', { opset: OPSET, domains: { 'com.microsoft': 1 } }))
}

interface Encoder {
  readonly graph: GraphBuilder
  readonly config: EncoderConfig
  readonly weights: HostTensors
  readonly layers: LinearLayers
  readonly places: Places
}

/** Where the real tokens are. */
interface Places {
  /** the mask, int32 [batch, tokens] */
  readonly mask: string
  /** of each real token its place in the flattened batch, int64 [real] */
  readonly ofReal: string
  /** of each place the real token at or before it, int64 [batch, tokens] */
  readonly realOf: string
  /** of each real token its position in its text, int64 [real] */
  readonly positions: string
  /** of each text its number of real tokens, int64 [batch] */
  readonly lengths: string
}

function placesOf(graph: GraphBuilder, attentionMask: string): Places {
  const flat = graph.node('Reshape', [attentionMask, graph.int64([-1])])
  const ofReal = graph.node('Reshape', [graph.node('NonZero', [flat]), graph.int64([-1])])
  const tokens = graph.node('Gather', [graph.node('Shape', [attentionMask]), graph.int64(1)])
  const upTo = graph.node('Sub', [graph.node('CumSum', [flat, graph.int64(0)]), graph.int64(1)])
  return {
    mask: graph.node('Cast', [attentionMask], { attributes: { to: { int: DataType.INT32 } } }),
    ofReal,
    realOf: graph.node('Reshape', [upTo, graph.node('Shape', [attentionMask])]),
    positions: graph.node('Mod', [ofReal, tokens]),
    lengths: graph.node('ReduceSum', [attentionMask, graph.int64([1])], { attributes: { keepdims: { int: 0 } } }),
  }
}

/** @returns [real, hidden] */
function embeddings(encoder: Encoder, inputIds: string, precision: Precision): string {
  const { graph, config, weights, places } = encoder
  const ids = graph.node('Gather', [graph.node('Reshape', [inputIds, graph.int64([-1])]), places.ofReal])
  const words = lookUp(encoder, 'embeddings.word_embeddings.weight', ids, precision)
  const table = (name: string) => weights[`embeddings.${name}_embeddings.weight`]!.values
  const positionTable = Float32Array.from(table('position'))
  if (config.typeVocabSize > 0) {
    // inputs are always of type 0: its row joins the position table
    const types = table('token_type')
    positionTable.forEach((value, i) => {
      positionTable[i] = value + types[i % config.hiddenSize]!
    })
  }
  const shape = [config.maxPositions, config.hiddenSize]
  const positions = graph.initializer(inlineTensor('positions', DataType.FLOAT, shape, positionTable))
  return skipLayerNorm(encoder, words, graph.node('Gather', [positions, places.positions]), 'embeddings.LayerNorm')
}

/** @returns rows of a stored table in fp32, [real, hidden] */
function lookUp({ graph, weights }: Encoder, name: string, ids: string, precision: Precision): string {
  const { shape, values } = weights[name]!
  const toFloat = { attributes: { to: { int: DataType.FLOAT } } }
  if (precision === 'fp16') {
    const halves = toFloat16(values as Float32Array)
    const table = graph.initializer(inlineTensor(name, DataType.FLOAT16, shape, halves))
    return graph.node('Cast', [graph.node('Gather', [table, ids])], toFloat)
  }
  const [rows = 0, columns = 0] = shape
  const { values: levels, scales } = quantise(values as Float32Array, rows, columns, 'row')
  const table = graph.initializer(inlineTensor(name, DataType.INT8, shape, levels))
  const scale = graph.initializer(inlineTensor(`${name}.scale`, DataType.FLOAT, [rows, 1], scales))
  const found = graph.node('Cast', [graph.node('Gather', [table, ids])], toFloat)
  return graph.node('Mul', [found, graph.node('Gather', [scale, ids])])
}

/** @returns [real, hidden] */
function encoderLayer(encoder: Encoder, prefix: string, states: string): string {
  const { layers } = encoder
  const mixed = selfAttention(encoder, `${prefix}.attention.self`, layers.prepare(states))
  const attended = layers.prepare(mixed).times(`${prefix}.attention.output.dense.weight`)
  const output = `${prefix}.attention.output`
  const middle = skipLayerNorm(encoder, attended, states, `${output}.LayerNorm`, `${output}.dense.bias`)
  const wide = layers.prepare(middle).times(`${prefix}.intermediate.dense.weight`)
  const active = activation(encoder, wide, `${prefix}.intermediate.dense.bias`)
  const narrow = layers.prepare(active).times(`${prefix}.output.dense.weight`)
  return skipLayerNorm(encoder, narrow, middle, `${prefix}.output.LayerNorm`, `${prefix}.output.dense.bias`)
}

/** @returns the heads' mixtures of values, joined, [real, hidden] */
function selfAttention({ graph, config, weights, places }: Encoder, prefix: string, states: LinearInput): string {
  const padded = (name: string) => graph.node('Gather', [states.times(`${prefix}.${name}.weight`), places.realOf])
  const biases = ['query', 'key', 'value'].map((name) => weights[`${prefix}.${name}.bias`]!.values)
  const joined = Float32Array.from(biases.flatMap((values) => Array.from(values)))
  const bias = graph.initializer(inlineTensor(`${prefix}.bias`, DataType.FLOAT, [joined.length], joined))
  const inputs = [padded('query'), padded('key'), padded('value'), bias, places.mask]
  const mixed = graph.node('MultiHeadAttention', inputs, {
    ...MICROSOFT,
    attributes: { num_heads: { int: config.heads } },
  })
  const flat = graph.node('Reshape', [mixed, graph.int64([-1, config.hiddenSize])])
  return graph.node('Gather', [flat, places.ofReal])
}

/** LayerNorm(input + bias + skip) */
function skipLayerNorm(encoder: Encoder, input: string, skip: string, norm: string, bias?: string): string {
  const inputs = [input, skip, parameter(encoder, `${norm}.weight`), parameter(encoder, `${norm}.bias`)]
  if (bias !== undefined) inputs.push(parameter(encoder, bias))
  const attributes = { epsilon: { float: encoder.config.layerNormEpsilon } }
  return encoder.graph.node('SkipLayerNormalization', inputs, { ...MICROSOFT, attributes })
}

function activation(encoder: Encoder, input: string, biasName: string): string {
  const { graph, config } = encoder
  const bias = parameter(encoder, biasName)
  if (config.activation === 'relu') return graph.node('Relu', [graph.node('Add', [input, bias])])
  return graph.node(config.activation === 'gelu' ? 'BiasGelu' : 'FastGelu', [input, bias], MICROSOFT)
}

/** @returns the [CLS] states, [batch, hidden] */
function firstStates({ graph, places }: Encoder, states: string): string {
  const first = graph.node('Gather', [places.realOf, graph.int64(0)], { attributes: { axis: { int: 1 } } })
  return graph.node('Gather', [states, first])
}

/** @returns the mean state of each text's real tokens, [batch, hidden] */
function meanStates({ graph, places }: Encoder, states: string): string {
  const toFloat = { attributes: { to: { int: DataType.FLOAT } } }
  const padded = graph.node('Gather', [states, places.realOf]) // [batch, tokens, hidden]
  const real = graph.node('Unsqueeze', [graph.node('Cast', [places.mask], toFloat), graph.int64([1])])
  const sum = graph.node('Squeeze', [graph.node('MatMul', [real, padded]), graph.int64([1])])
  const lengths = graph.node('Unsqueeze', [graph.node('Cast', [places.lengths], toFloat), graph.int64([1])])
  return graph.node('Div', [sum, lengths])
}

function pooler(encoder: Encoder, pooled: string): string {
  const { graph, config } = encoder
  if (config.pooler === 'none') return pooled
  const dense = graph.node('Gemm', [
    pooled,
    parameter(encoder, 'pooler.dense.weight'),
    parameter(encoder, 'pooler.dense.bias'),
  ])
  return graph.node(config.pooler === 'tanh' ? 'Tanh' : 'Relu', [dense])
}

function parameter({ graph, weights }: Encoder, name: string): string {
  const { shape, values } = weights[name]!
  return graph.initializer(inlineTensor(name, DataType.FLOAT, shape, values))
}
