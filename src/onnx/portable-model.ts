/**
 * The encoder as a plain ONNX graph (opset 17, no contrib operators) with dynamic batch and sequence, which any runtime
 * loads. Weights are external and keep their parameter names; each is cast or dequantised to fp32 by nodes of constants
 * only, which ONNX Runtime computes once, when it creates the session. ONNX Runtime 1.29 fuses the residual sums with their
 * LayerNormalization and the biases with their GELU; attention it fuses up to opset 12 only (it looks for the mask's
 * Unsqueeze in its older form), which is worth 5% at most on the CPU: variants derived from the weights do that instead.
 *
 * Inputs: `input_ids` int64 [batch, tokens], `attention_mask` int64 [batch, tokens] (1 real, 0 padding).
 * Output: `logits` fp32 [batch, labels].
 */
import type { EncoderConfig } from '../family/encoder-config.js'
import { layerPrefix, parameterSpecs } from '../family/parameters.js'
import type { HostTensors } from '../family/tensor.js'
import { GraphBuilder } from './graph-builder.js'
import { DataType, encodeModel } from './protobuf.js'
import { isMatrix, type Precision, storeWeights } from './stored-weights.js'

export const MODEL_FILE = 'model.onnx'
export const WEIGHTS_FILE = 'weights.bin'

/** LayerNormalization is an operator from opset 17 on */
const OPSET = 17

/** What padding adds to a score: finite, so that fp16 variants hold it, and exp of it is 0 beside any real score. */
export const MASKED_SCORE = -10_000

export interface PortableModel {
  /** contents of model.onnx */
  readonly model: Uint8Array
  /** contents of weights.bin, to lie beside it */
  readonly weights: Uint8Array
}

/** @throws ShapeMismatch when the parameters do not fit the config */
export function buildPortableModel(
  config: EncoderConfig,
  parameters: HostTensors,
  precision: Precision,
): PortableModel {
  const stored = storeWeights(config, parameters, precision, WEIGHTS_FILE)
  const graph = new GraphBuilder()
  for (const tensor of stored.tensors.values()) graph.initializer(tensor)
  const weight = fp32Weights(graph, config, precision)
  const inputIds = graph.input('input_ids', DataType.INT64, ['batch', 'tokens'])
  const attentionMask = graph.input('attention_mask', DataType.INT64, ['batch', 'tokens'])

  let states = embeddings(graph, config, weight, inputIds)
  const scoreMask = additiveMask(graph, attentionMask)
  for (let layer = 0; layer < config.layers; layer++) {
    states = encoderLayer(graph, config, weight, layerPrefix(layer), states, scoreMask)
  }
  const sequence = config.pooling === 'cls' ? firstState(graph, states) : maskedMean(graph, states, attentionMask)
  const pooled = pooler(graph, config, weight, sequence)
  const scores = graph.node('MatMul', [pooled, weight('classifier.weight')])
  graph.node('Add', [scores, weight('classifier.bias')], { output: 'logits' })
  graph.output('logits', DataType.FLOAT, ['batch', config.labels])

  const metadata = { 'lextier.encoder': JSON.stringify(config), 'lextier.precision': precision }
  return { model: encodeModel(graph.build('encoder', { opset: OPSET, metadata })), weights: stored.bytes }
}

/** Name of a parameter's fp32 value by the parameter's name. */
type Weights = (name: string) => string

/** Cast and Mul rather than DequantizeLinear: ONNX Runtime folds the former into constants and keeps the latter. */
function fp32Weights(graph: GraphBuilder, config: EncoderConfig, precision: Precision): Weights {
  const names = new Map<string, string>()
  for (const spec of parameterSpecs(config)) {
    if (!isMatrix(spec)) names.set(spec.name, spec.name)
    else {
      const attributes = { to: { int: DataType.FLOAT } }
      const cast = graph.node('Cast', [spec.name], { attributes, output: `${spec.name}.fp32` })
      names.set(spec.name, precision === 'fp16' ? cast : graph.node('Mul', [cast, `${spec.name}.scale`]))
    }
  }
  return (name) => {
    const value = names.get(name)
    if (value === undefined) throw new Error(`the encoder has no parameter "${name}"`)
    return value
  }
}

/** @returns [batch, tokens, hidden] */
function embeddings(graph: GraphBuilder, config: EncoderConfig, weight: Weights, inputIds: string): string {
  const words = graph.node('Gather', [weight('embeddings.word_embeddings.weight'), inputIds])
  const tokens = graph.node('Gather', [graph.node('Shape', [inputIds]), graph.int64([1])])
  let table = weight('embeddings.position_embeddings.weight')
  if (config.typeVocabSize > 0) {
    // inputs are always of type 0: its row joins the position table, a constant
    const typeRow = graph.node('Gather', [weight('embeddings.token_type_embeddings.weight'), graph.int64(0)])
    table = graph.node('Add', [table, typeRow])
  }
  const positions = graph.node('Slice', [table, graph.int64([0]), tokens, graph.int64([0])])
  const sum = graph.node('Add', [words, positions])
  // the Slice's length is unknown to shape inference, and the optimizer fuses only where it sees equal shapes
  graph.declare(sum, DataType.FLOAT, ['batch', 'tokens', config.hiddenSize])
  return layerNorm(graph, config, weight, 'embeddings.LayerNorm', sum)
}

/** @returns 0 where the token is real and −10,000 where it is padding, [batch, 1, 1, tokens] */
function additiveMask(graph: GraphBuilder, attentionMask: string): string {
  const rows = graph.node('Unsqueeze', [attentionMask, graph.int64([1])])
  const perQuery = graph.node('Unsqueeze', [rows, graph.int64([2])])
  const real = graph.node('Cast', [perQuery], { attributes: { to: { int: DataType.FLOAT } } })
  return graph.node('Mul', [graph.node('Sub', [graph.scalar(1), real]), graph.scalar(MASKED_SCORE)])
}

/** @returns [batch, tokens, hidden] */
function encoderLayer(
  graph: GraphBuilder,
  config: EncoderConfig,
  weight: Weights,
  prefix: string,
  states: string,
  scoreMask: string,
): string {
  const attended = selfAttention(graph, config, weight, `${prefix}.attention`, states, scoreMask)
  const attentionSum = graph.node('Add', [attended, states])
  const middle = layerNorm(graph, config, weight, `${prefix}.attention.output.LayerNorm`, attentionSum)
  const wide = activation(graph, config, linear(graph, weight, `${prefix}.intermediate.dense`, middle))
  const narrow = linear(graph, weight, `${prefix}.output.dense`, wide)
  return layerNorm(graph, config, weight, `${prefix}.output.LayerNorm`, graph.node('Add', [narrow, middle]))
}

/** softmax(q · kᵀ / √headSize + mask) · v, heads joined and projected: [batch, tokens, hidden] */
function selfAttention(
  graph: GraphBuilder,
  config: EncoderConfig,
  weight: Weights,
  prefix: string,
  states: string,
  scoreMask: string,
): string {
  const headSize = config.hiddenSize / config.heads
  const splitHeads = graph.int64([0, 0, config.heads, headSize])
  const heads = (name: string, perm: number[]) => {
    const projected = linear(graph, weight, `${prefix}.self.${name}`, states)
    const split = graph.node('Reshape', [projected, splitHeads])
    return graph.node('Transpose', [split], { attributes: { perm: { ints: perm } } })
  }
  const queries = heads('query', [0, 2, 1, 3])
  const keys = heads('key', [0, 2, 3, 1]) // [batch, heads, headSize, tokens]
  const values = heads('value', [0, 2, 1, 3])
  const scores = graph.node('Div', [graph.node('MatMul', [queries, keys]), graph.scalar(Math.sqrt(headSize))])
  const masked = graph.node('Add', [scores, scoreMask])
  const shares = graph.node('Softmax', [masked], { attributes: { axis: { int: -1 } } })
  const mixed = graph.node('MatMul', [shares, values])
  const joined = graph.node('Transpose', [mixed], { attributes: { perm: { ints: [0, 2, 1, 3] } } })
  const flat = graph.node('Reshape', [joined, graph.int64([0, 0, config.hiddenSize])])
  return linear(graph, weight, `${prefix}.output.dense`, flat)
}

function linear(graph: GraphBuilder, weight: Weights, name: string, input: string): string {
  return graph.node('Add', [graph.node('MatMul', [input, weight(`${name}.weight`)]), weight(`${name}.bias`)])
}

function layerNorm(graph: GraphBuilder, config: EncoderConfig, weight: Weights, name: string, input: string): string {
  const attributes = { axis: { int: -1 }, epsilon: { float: config.layerNormEpsilon } }
  return graph.node('LayerNormalization', [input, weight(`${name}.weight`), weight(`${name}.bias`)], { attributes })
}

function activation(graph: GraphBuilder, config: EncoderConfig, input: string): string {
  if (config.activation === 'relu') return graph.node('Relu', [input])
  return config.activation === 'gelu' ? gelu(graph, input) : geluTanh(graph, input)
}

/** x · (1 + erf(x / √2)) · ½ */
function gelu(graph: GraphBuilder, input: string): string {
  const erf = graph.node('Erf', [graph.node('Div', [input, graph.scalar(Math.SQRT2)])])
  const gate = graph.node('Add', [erf, graph.scalar(1)])
  return graph.node('Mul', [graph.node('Mul', [input, gate]), graph.scalar(0.5)])
}

/** ½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))), Google BERT's approximation (`gelu_new`) */
function geluTanh(graph: GraphBuilder, input: string): string {
  const cube = graph.node('Pow', [input, graph.scalar(3)])
  const inner = graph.node('Add', [input, graph.node('Mul', [cube, graph.scalar(0.044715)])])
  const tanh = graph.node('Tanh', [graph.node('Mul', [inner, graph.scalar(Math.sqrt(2 / Math.PI))])])
  const gate = graph.node('Add', [tanh, graph.scalar(1)])
  return graph.node('Mul', [graph.node('Mul', [input, graph.scalar(0.5)]), gate])
}

/** @returns the [CLS] state, [batch, hidden] */
function firstState(graph: GraphBuilder, states: string): string {
  return graph.node('Gather', [states, graph.int64(0)], { attributes: { axis: { int: 1 } } })
}

/** @returns the mean state over real tokens, [batch, hidden] */
function maskedMean(graph: GraphBuilder, states: string, attentionMask: string): string {
  const mask = graph.node('Cast', [attentionMask], { attributes: { to: { int: DataType.FLOAT } } })
  const real = graph.node('Unsqueeze', [mask, graph.int64([2])])
  const keepdims = { attributes: { keepdims: { int: 0 } } }
  const sum = graph.node('ReduceSum', [graph.node('Mul', [states, real]), graph.int64([1])], keepdims)
  return graph.node('Div', [sum, graph.node('ReduceSum', [real, graph.int64([1])], keepdims)])
}

function pooler(graph: GraphBuilder, config: EncoderConfig, weight: Weights, input: string): string {
  if (config.pooler === 'none') return input
  const dense = linear(graph, weight, 'pooler.dense', input)
  return graph.node(config.pooler === 'tanh' ? 'Tanh' : 'Relu', [dense])
}
