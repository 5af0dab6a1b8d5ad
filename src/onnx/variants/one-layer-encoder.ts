/**
 * An encoder of one layer whose classifier reads [CLS], on CPUs: per token there is nothing but its rows looked up, their norm, and
 * its part in the mixture; no state, query, key or value is made (one-layer-tables.ts says why). All that follows runs on one row a text.
 *
 *   ids_of_places [batch, tokens] ─ look up ─▶ c [batch, tokens, hidden], scores [batch, tokens, heads]
 *                                   softmax(scores / σ) / σ · c ─▶ [batch, heads, hidden] ─ values by head ─▶ the rest of the layer
 *
 * Texts stand in padded places: what a place costs is so little that to gather real tokens first would cost as much.
 *
 * Inputs: `ids_of_places`, `score_bias` (encoder-feeds.ts). Output: `logits` fp32 [batch, labels].
 */
import type { EncoderConfig } from '../../family/encoder-config.js'
import { layerPrefix } from '../../family/parameters.js'
import type { HostTensors } from '../../family/tensor.js'
import type { PackedInput } from '../encoder-feeds.js'
import { toFloat16 } from '../float16.js'
import { GraphBuilder } from '../graph-builder.js'
import { DataType, encodeModel, inlineTensor } from '../protobuf.js'
import { headKernel } from './cls-layer.js'
import { classify, constant, type EncoderParts, feedForward, OPSET, parameter } from './encoder-layers.js'
import { linearLayers } from './linear.js'
import { type OneLayerTables, oneLayerTables } from './one-layer-tables.js'

/**
 * @param config of a model that `isOneLayer`
 * @param weights as `readWeights` gives them
 * @param clsId with which every sequence begins: of others the answers are wrong
 * @returns the model's file contents, weights included
 */
export function buildOneLayerEncoder(
  config: EncoderConfig,
  weights: HostTensors,
  clsId: number,
  arithmetic: 'fp32' | 'int8',
): Uint8Array {
  const graph = new GraphBuilder()
  const tables = oneLayerTables(config, weights, clsId)
  const parts: EncoderParts = {
    ...{ graph, config, weights },
    element: 'fp32',
    layers: linearLayers(graph, weights, arithmetic),
    attention: () => {
      throw new Error('its only layer has an attention of its own')
    },
  }
  const ids = graph.input('ids_of_places' satisfies PackedInput, DataType.INT32, ['batch', 'tokens'])
  const bias = graph.input('score_bias' satisfies PackedInput, DataType.FLOAT, ['batch', 1, 'tokens'])
  const lookUp = lookUps(parts, ids)
  const sums = lookUp('words', tables.words, tables.positions, arithmetic === 'int8' ? 'fp16' : 'fp32')
  const scores = lookUp('word_scores', tables.wordScores, tables.positionScores, 'fp32')
  const mixed = mixtures(parts, sums, { scores, bias })
  classify(parts, restOfLayer(parts, tables, mixed))
  return encodeModel(graph.build('one_layer_encoder', { opset: OPSET, domains: { 'com.microsoft': 1 } }))
}

/** @returns what looks up the sum of a word's row and its position's, [batch, tokens, columns] */
function lookUps({ graph, config }: EncoderParts, ids: string) {
  const longest = graph.node('Shape', [ids], { attributes: { start: { int: 1 }, end: { int: 2 } } })
  return (name: string, words: Float32Array, positions: Float32Array, stored: 'fp16' | 'fp32'): string => {
    const { vocabSize, maxPositions } = config
    const shape = [vocabSize, words.length / vocabSize]
    const table =
      stored === 'fp16'
        ? inlineTensor(name, DataType.FLOAT16, shape, toFloat16(words))
        : inlineTensor(name, DataType.FLOAT, shape, words)
    const found = graph.node('Gather', [graph.initializer(table), ids])
    const wide =
      stored === 'fp16' ? graph.node('Cast', [found], { attributes: { to: { int: DataType.FLOAT } } }) : found
    const places = inlineTensor(`${name}.positions`, DataType.FLOAT, [maxPositions, shape[1]!], positions)
    const first = graph.node('Slice', [graph.initializer(places), graph.int64([0]), longest, graph.int64([0])])
    return graph.node('Add', [wide, first])
  }
}

/** @param sums c of each place @param scores before they are divided by σ @returns of each head Σ (a / σ) c, [batch, heads, hidden] */
function mixtures(
  { graph, config }: EncoderParts,
  sums: string,
  { scores, bias }: { readonly scores: string; readonly bias: string },
): string {
  const { hiddenSize, layerNormEpsilon } = config
  // ReduceSumSquare takes twice the time of the two
  const squares = graph.node('ReduceSum', [graph.node('Mul', [sums, sums]), graph.int64([2])], {
    attributes: { keepdims: { int: 0 } },
  })
  const root = graph.node('Sqrt', [graph.node('Add', [squares, graph.scalar(hiddenSize * layerNormEpsilon)])])
  const inverse = graph.node('Div', [graph.scalar(Math.sqrt(hiddenSize)), root]) // 1 / σ, [batch, tokens]
  const ofPlaces = graph.node('Unsqueeze', [inverse, graph.int64([1])])
  const byHead = graph.node('Transpose', [scores], { attributes: { perm: { ints: [0, 2, 1] } } })
  const biased = graph.node('Add', [graph.node('Mul', [byHead, ofPlaces]), bias])
  const shares = graph.node('Softmax', [biased], { attributes: { axis: { int: -1 } } })
  return graph.node('MatMul', [graph.node('Mul', [shares, ofPlaces]), sums])
}

/** @param mixed as `mixtures` gives them @returns the states of [CLS] after the layer, [batch, hidden] */
function restOfLayer(parts: EncoderParts, tables: OneLayerTables, mixed: string): string {
  const { graph, config, weights, layers } = parts
  const { heads, hiddenSize, layerNormEpsilon } = config
  const headSize = hiddenSize / heads
  const prefix = layerPrefix(0)
  const transpose = (value: string) => graph.node('Transpose', [value], { attributes: { perm: { ints: [1, 0, 2] } } })
  const values = headKernel({ shape: [hiddenSize, hiddenSize], values: tables.valueKernel }, heads, 'in-out')
  const valued = graph.node('MatMul', [
    transpose(mixed),
    constant(parts, 'values_by_head', [heads, hiddenSize, headSize], values),
  ]) // [heads, batch, headSize]
  const joined = graph.node('Reshape', [transpose(valued), graph.int64([-1, hiddenSize])])
  const attention = graph.node('Add', [joined, constant(parts, 'value_bias', [hiddenSize], tables.valueBias)])

  const output = `${prefix}.attention.output`
  const dense = weights[`${output}.dense.bias`]!.values
  const skip = tables.first.map((value, i) => value + dense[i]!)
  const attended = graph.node('Add', [
    layers.prepare(attention).times(`${output}.dense.weight`),
    constant(parts, 'first_state', [hiddenSize], skip),
  ])
  const norm = ['weight', 'bias'].map((name) => parameter(parts, `${output}.LayerNorm.${name}`))
  const middle = graph.node('LayerNormalization', [attended, ...norm], {
    attributes: { axis: { int: -1 }, epsilon: { float: layerNormEpsilon } },
  })
  return feedForward(parts, prefix, middle)
}
