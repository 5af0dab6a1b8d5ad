/**
 * The encoder without padding, for GPUs, from fused operators of ONNX Runtime (`com.microsoft`): linear layers, norms, GELU
 * and embeddings in one element type, on the real tokens of the batch. Pooler and classifier are fp32. The host says where
 * the tokens stand (`PackedBatch`), so that the device never waits to learn a shape.
 *
 * Output: `logits` fp32 [batch, labels].
 */
import type { EncoderConfig } from '../../family/encoder-config.js'
import { layerPrefix } from '../../family/parameters.js'
import type { HostTensors } from '../../family/tensor.js'
import type { PackedInput } from '../encoder-feeds.js'
import { type Dimension, GraphBuilder } from '../graph-builder.js'
import { DataType, encodeModel } from '../protobuf.js'
import { type ClsLayerInputs, clsLayer } from './cls-layer.js'
import {
  classify,
  constant,
  type EncoderParts,
  encoderLayer,
  encoderLayerRest,
  joinedBias,
  MICROSOFT,
  OPSET,
  PROJECTIONS,
  parameter,
  positionTable,
  skipLayerNorm,
} from './encoder-layers.js'
import { type LinearInput, linearLayers } from './linear.js'

export interface GpuForm {
  readonly element: 'fp16' | 'fp32'
  /**
   * - `packed`: an operator that takes the tokens as they are; CUDA has it. Queries, keys and values are one product: on an
   *   H200 a lone text takes a fifth less time so
   * - `padded`: plain operators between two Gathers. WebGPU's MultiHeadAttention is wrong for texts of more than some 30
   *   tokens in ONNX Runtime 1.29 (seen on SwiftShader)
   */
  readonly attention: 'packed' | 'padded'
}

/**
 * @param weights as `readWeights` gives them
 * @returns the model's file contents, weights included
 */
export function buildGpuEncoder(config: EncoderConfig, weights: HostTensors, form: GpuForm): Uint8Array {
  const { element } = form
  const graph = new GraphBuilder()
  const packed = form.attention === 'packed'
  const attend = packed ? packedAttention : paddedAttention
  const kernels = packed ? { ...weights, ...joinedProjections(config, weights) } : weights
  const encoder: PackedInputs = {
    graph,
    config,
    weights,
    element,
    input: inputsOf(graph),
    layers: linearLayers(graph, kernels, element),
    attention: (prefix, states) => attend(encoder, prefix, states),
  }
  const last = layerPrefix(config.layers - 1)
  let states = embeddings(encoder)
  for (let layer = 0; layer < config.layers - 1; layer++) states = encoderLayer(encoder, layerPrefix(layer), states)
  if (config.pooling === 'cls') {
    classify(
      encoder,
      widened(encoder, packed ? firstsOf(encoder, last, states) : clsLayer(encoder, last, clsInputs(encoder, states))),
    )
  } else {
    classify(encoder, meanStates(encoder, encoderLayer(encoder, last, states)))
  }
  return encodeModel(graph.build('gpu_encoder', { opset: OPSET, domains: { 'com.microsoft': 1 } }))
}

interface PackedInputs extends EncoderParts {
  /** The graph takes what is asked for here. @returns the input's name */
  input(name: GpuInput): string
}

/** Of packed graphs on GPUs. */
type GpuInput = Exclude<PackedInput, 'ids_of_places' | 'score_bias'>

const INPUTS: Readonly<Record<GpuInput, { type: DataType; shape: readonly Dimension[] }>> = {
  token_ids: { type: DataType.INT32, shape: ['real'] },
  positions: { type: DataType.INT32, shape: ['real'] },
  place_of_token: { type: DataType.INT32, shape: ['real'] },
  first_tokens: { type: DataType.INT32, shape: ['batch'] },
  cumulative_lengths: { type: DataType.INT32, shape: ['batch_and_one'] },
  token_offset: { type: DataType.INT32, shape: ['batch', 'tokens'] },
  token_of_place: { type: DataType.INT32, shape: ['batch', 'tokens'] },
  mean_weights: { type: DataType.FLOAT, shape: ['batch', 1, 'tokens'] },
  key_bias: { type: DataType.FLOAT, shape: ['batch', 1, 1, 'tokens'] },
}

function inputsOf(graph: GraphBuilder): PackedInputs['input'] {
  const asked = new Set<GpuInput>()
  return (name) => {
    if (!asked.has(name)) graph.input(name, INPUTS[name].type, INPUTS[name].shape)
    asked.add(name)
    return name
  }
}

/** @returns [real, hidden] */
function embeddings(encoder: PackedInputs): string {
  const { graph, input } = encoder
  const table = parameter(encoder, 'embeddings.word_embeddings.weight')
  const words = graph.node('Gather', [table, input('token_ids')])
  const positions = graph.node('Gather', [positionTable(encoder), input('positions')])
  return skipLayerNorm(encoder, words, positions, 'embeddings.LayerNorm')
}

/** @returns [real, hidden] */
function packedAttention(encoder: PackedInputs, prefix: string, states: LinearInput): string {
  const { graph, config, input } = encoder
  const { hiddenSize, heads } = config
  const projected = graph.node('Reshape', [
    states.times(joinedName(prefix)),
    graph.int64([-1, heads, PROJECTIONS.length, hiddenSize / heads]),
  ])
  const places = [input('token_offset'), input('cumulative_lengths')]
  return graph.node('PackedMultiHeadAttention', [projected, '', '', joinedBias(encoder, prefix), ...places], {
    ...MICROSOFT,
    attributes: { num_heads: { int: heads } },
  })
}

/** @returns a layer's kernels of queries, keys and values as one, head by head, [hidden, heads · 3 · headSize] each */
function joinedProjections({ layers, hiddenSize, heads }: EncoderConfig, weights: HostTensors): HostTensors {
  const headSize = hiddenSize / heads
  const joined = Array.from({ length: layers }, (_, layer) => {
    const prefix = `${layerPrefix(layer)}.attention.self`
    const kernels = PROJECTIONS.map((name) => weights[`${prefix}.${name}.weight`]!.values as Float32Array)
    const values = new Float32Array(PROJECTIONS.length * hiddenSize * hiddenSize)
    let end = 0
    for (let start = 0; start < hiddenSize * hiddenSize; start += headSize) {
      for (const kernel of kernels) {
        values.set(kernel.subarray(start, start + headSize), end)
        end += headSize
      }
    }
    return [joinedName(prefix), { shape: [hiddenSize, PROJECTIONS.length * hiddenSize], values }] as const
  })
  return Object.fromEntries(joined)
}

function joinedName(prefix: string): string {
  return `${prefix}.weight`
}

/** softmax(q · kᵀ / √headSize + bias of the key) · v on the padded batch. @returns [real, hidden] */
function paddedAttention(encoder: PackedInputs, prefix: string, states: LinearInput): string {
  const { graph, config, input } = encoder
  const headSize = config.hiddenSize / config.heads
  const heads = (name: (typeof PROJECTIONS)[number], perm: number[]) => {
    const biased = graph.node('Add', [
      states.times(`${prefix}.${name}.weight`),
      parameter(encoder, `${prefix}.${name}.bias`),
    ])
    const padded = graph.node('Gather', [biased, input('token_of_place')])
    const split = graph.node('Reshape', [padded, graph.int64([0, 0, config.heads, headSize])])
    return graph.node('Transpose', [split], { attributes: { perm: { ints: perm } } })
  }
  const queries = heads('query', [0, 2, 1, 3])
  const keys = heads('key', [0, 2, 3, 1])
  const values = heads('value', [0, 2, 1, 3])
  // before the product, so that the sums stay small in fp16
  const scale = constant(encoder, 'score_scale', [], Float32Array.of(1 / Math.sqrt(headSize)))
  const scores = graph.node('MatMul', [graph.node('Mul', [queries, scale]), keys])
  const masked = graph.node('Add', [scores, narrowed(encoder, input('key_bias'))])
  const shares = graph.node('Softmax', [masked], { attributes: { axis: { int: -1 } } })
  const mixed = graph.node('MatMul', [shares, values])
  const joined = graph.node('Transpose', [mixed], { attributes: { perm: { ints: [0, 2, 1, 3] } } })
  const flat = graph.node('Reshape', [joined, graph.int64([-1, config.hiddenSize])])
  return graph.node('Gather', [flat, input('place_of_token')])
}

/**
 * The last layer with attention on all tokens and the rest on those of [CLS]. On CUDA a node costs a lone text some 10 µs
 * however little it computes, and `clsLayer` has 16 more of them: 0.3 ms on an H200.
 * @returns the [CLS] states after it, [batch, hidden]
 */
function firstsOf(encoder: PackedInputs, prefix: string, states: string): string {
  const { graph, input, layers } = encoder
  const mixed = encoder.attention(`${prefix}.attention.self`, layers.prepare(states))
  const ofFirsts = (rows: string) => graph.node('Gather', [rows, input('first_tokens')])
  return encoderLayerRest(encoder, prefix, ofFirsts(mixed), ofFirsts(states))
}

function clsInputs(encoder: PackedInputs, states: string): ClsLayerInputs {
  const { graph, input } = encoder
  const bias = graph.node('Squeeze', [input('key_bias'), graph.int64([1])])
  return {
    padded: graph.node('Gather', [states, input('token_of_place')]),
    first: graph.node('Gather', [states, input('first_tokens')]),
    keyBias: narrowed(encoder, bias),
  }
}

/** @returns the mean state of each text's tokens in fp32, [batch, hidden] */
function meanStates(encoder: PackedInputs, states: string): string {
  const { graph, config, input } = encoder
  const padded = widened(encoder, graph.node('Gather', [states, input('token_of_place')]))
  const mean = graph.node('MatMul', [input('mean_weights'), padded]) // [batch, 1, hidden]
  return graph.node('Reshape', [mean, graph.int64([-1, config.hiddenSize])])
}

/** From fp32 to the states' element type. */
function narrowed({ graph, element }: EncoderParts, value: string): string {
  if (element === 'fp32') return value
  return graph.node('Cast', [value], { attributes: { to: { int: DataType.FLOAT16 } } })
}

/** From the states' element type to fp32. */
function widened({ graph, element }: EncoderParts, value: string): string {
  if (element === 'fp32') return value
  return graph.node('Cast', [value], { attributes: { to: { int: DataType.FLOAT } } })
}
