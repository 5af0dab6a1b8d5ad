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
import { type ClsLayerInputs, clsLayer } from './cls-layer.js'
import {
  classify,
  type EncoderParts,
  encoderLayer,
  joinedBias,
  MICROSOFT,
  OPSET,
  PROJECTIONS,
  positionTable,
  skipLayerNorm,
} from './encoder-layers.js'
import { type LinearInput, linearLayers } from './linear.js'

/**
 * @param weights as `readWeights` gives them
 * @param precision in which weights.bin stores matrices: embedding tables stay in it, rows are widened as they are looked up
 * @returns the model's file contents, weights included
 */
export function buildPackedEncoder(
  config: EncoderConfig,
  weights: HostTensors,
  precision: Precision,
  arithmetic: 'fp32' | 'int8',
): Uint8Array {
  const graph = new GraphBuilder()
  const inputIds = graph.input('input_ids', DataType.INT64, ['batch', 'tokens'])
  const attentionMask = graph.input('attention_mask', DataType.INT64, ['batch', 'tokens'])
  const places = placesOf(graph, attentionMask)
  const encoder: PaddedInputs = {
    graph,
    config,
    weights,
    places,
    element: 'fp32',
    layers: linearLayers(graph, weights, arithmetic),
    attention: (prefix, states) => selfAttention(encoder, prefix, states),
  }
  const last = layerPrefix(config.layers - 1)
  let states = embeddings(encoder, inputIds, precision)
  for (let layer = 0; layer < config.layers - 1; layer++) states = encoderLayer(encoder, layerPrefix(layer), states)
  if (config.pooling === 'cls') classify(encoder, clsLayer(encoder, last, clsInputs(encoder, states)))
  else classify(encoder, meanStates(encoder, encoderLayer(encoder, last, states)))
  return encodeModel(graph.build('packed_encoder', { opset: OPSET, domains: { 'com.microsoft': 1 } }))
}

/** of padding: its share is 0 in fp32 */
const LEAST_SCORE = -1e9

interface PaddedInputs extends EncoderParts {
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
function embeddings(encoder: PaddedInputs, inputIds: string, precision: Precision): string {
  const { graph, places } = encoder
  const ids = graph.node('Gather', [graph.node('Reshape', [inputIds, graph.int64([-1])]), places.ofReal])
  const words = lookUp(encoder, 'embeddings.word_embeddings.weight', ids, precision)
  const positions = graph.node('Gather', [positionTable(encoder), places.positions])
  return skipLayerNorm(encoder, words, positions, 'embeddings.LayerNorm')
}

/** @returns rows of a stored table in fp32, [real, hidden] */
function lookUp({ graph, weights }: PaddedInputs, name: string, ids: string, precision: Precision): string {
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

/** @returns the heads' mixtures of values, joined, [real, hidden] */
function selfAttention(encoder: PaddedInputs, prefix: string, states: LinearInput): string {
  const { graph, config, places } = encoder
  const padded = PROJECTIONS.map((name) =>
    graph.node('Gather', [states.times(`${prefix}.${name}.weight`), places.realOf]),
  )
  const mixed = graph.node('MultiHeadAttention', [...padded, joinedBias(encoder, prefix), places.mask], {
    ...MICROSOFT,
    attributes: { num_heads: { int: config.heads } },
  })
  const flat = graph.node('Reshape', [mixed, graph.int64([-1, config.hiddenSize])])
  return graph.node('Gather', [flat, places.ofReal])
}

function clsInputs({ graph, places }: PaddedInputs, states: string): ClsLayerInputs {
  const mask = graph.node('Cast', [places.mask], { attributes: { to: { int: DataType.FLOAT } } })
  const bias = graph.node('Mul', [graph.node('Sub', [mask, graph.scalar(1)]), graph.scalar(-LEAST_SCORE)])
  const first = graph.node('Gather', [places.realOf, graph.int64(0)], { attributes: { axis: { int: 1 } } })
  return {
    padded: graph.node('Gather', [states, places.realOf]),
    first: graph.node('Gather', [states, first]),
    keyBias: graph.node('Unsqueeze', [bias, graph.int64([1])]),
  }
}

/** @returns the mean state of each text's real tokens, [batch, hidden] */
function meanStates({ graph, places }: PaddedInputs, states: string): string {
  const toFloat = { attributes: { to: { int: DataType.FLOAT } } }
  const padded = graph.node('Gather', [states, places.realOf]) // [batch, tokens, hidden]
  const real = graph.node('Unsqueeze', [graph.node('Cast', [places.mask], toFloat), graph.int64([1])])
  const sum = graph.node('Squeeze', [graph.node('MatMul', [real, padded]), graph.int64([1])])
  const lengths = graph.node('Unsqueeze', [graph.node('Cast', [places.lengths], toFloat), graph.int64([1])])
  return graph.node('Div', [sum, lengths])
}
