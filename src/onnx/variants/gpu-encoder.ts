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
import { toFloat16 } from '../float16.js'
import { type Dimension, GraphBuilder } from '../graph-builder.js'
import { DataType, encodeModel, inlineTensor } from '../protobuf.js'

export type GpuElement = 'fp16' | 'fp32'

/**
 * - `packed`: an operator that takes the tokens as they are (CUDA)
 * - `packed_joined`: the same, queries, keys and values from one matrix product (CUDA)
 * - `ranges`: padded between two Gathers, masked by lengths (CUDA)
 * - `bias`: padded between two Gathers, masked by an added bias
 * - `bias_first`: as `bias`, with the projections' biases added beforehand
 * - `plain`: as `bias`, of plain operators: WebGPU's fused one is wrong beyond some 30 tokens in ONNX Runtime 1.29
 */
export type GpuAttention = 'packed' | 'packed_joined' | 'ranges' | 'bias' | 'bias_first' | 'plain'

export interface GpuForm {
  readonly element: GpuElement
  readonly attention: GpuAttention
}

const OPSET = 17
const MICROSOFT = { domain: 'com.microsoft' }

/**
 * @param weights as `readWeights` gives them
 * @returns the model's file contents, weights included
 */
export function buildGpuEncoder(config: EncoderConfig, weights: HostTensors, form: GpuForm): Uint8Array {
  const encoder = new GpuEncoder(config, weights, form)
  return encodeModel(encoder.build())
}

/** Where each input varies. */
const INPUTS: Readonly<Record<PackedInput, { type: DataType; shape: readonly Dimension[] }>> = {
  token_ids: { type: DataType.INT32, shape: ['real'] },
  positions: { type: DataType.INT32, shape: ['real'] },
  place_of_token: { type: DataType.INT32, shape: ['real'] },
  cumulative_lengths: { type: DataType.INT32, shape: ['texts_and_one'] },
  token_offset: { type: DataType.INT32, shape: ['batch', 'tokens'] },
  token_of_place: { type: DataType.INT32, shape: ['batch', 'tokens'] },
  mean_weights: { type: DataType.FLOAT, shape: ['batch', 1, 'tokens'] },
  key_bias: { type: DataType.FLOAT, shape: ['batch', 1, 1, 'tokens'] },
  key_ranges: { type: DataType.INT32, shape: ['ranges'] },
}

class GpuEncoder {
  readonly #graph = new GraphBuilder()
  readonly #config: EncoderConfig
  readonly #weights: HostTensors
  readonly #form: GpuForm
  readonly #inputs = new Set<PackedInput>()
  #attentionBias: string | undefined

  constructor(config: EncoderConfig, weights: HostTensors, form: GpuForm) {
    this.#config = config
    this.#weights = weights
    this.#form = form
  }

  build() {
    const config = this.#config
    let states = this.#embeddings()
    for (let layer = 0; layer < config.layers; layer++) states = this.#layer(layerPrefix(layer), states)
    const pooled = this.#pooler(config.pooling === 'cls' ? this.#firstStates(states) : this.#meanStates(states))
    const operands = [pooled, this.#fp32('classifier.weight'), this.#fp32('classifier.bias')]
    this.#graph.node('Gemm', operands, { output: 'logits' })
    this.#graph.output('logits', DataType.FLOAT, ['batch', config.labels])
    return this.#graph.build('gpu_encoder', { opset: OPSET, domains: { 'com.microsoft': 1 } })
  }

  #input(name: PackedInput): string {
    if (!this.#inputs.has(name)) {
      this.#inputs.add(name)
      this.#graph.input(name, INPUTS[name].type, INPUTS[name].shape)
    }
    return name
  }

  /** @returns [real, hidden] */
  #embeddings(): string {
    const { maxPositions, hiddenSize, typeVocabSize } = this.#config
    const values = (name: string) => this.#weights[`embeddings.${name}_embeddings.weight`]!.values
    const positions = Float32Array.from(values('position'))
    if (typeVocabSize > 0) {
      // inputs are always of type 0: its row joins the position table
      const types = values('token_type')
      positions.forEach((value, i) => {
        positions[i] = value + types[i % hiddenSize]!
      })
    }
    const words = this.#graph.node('Gather', [
      this.#parameter('embeddings.word_embeddings.weight'),
      this.#input('token_ids'),
    ])
    const table = this.#constant('positions_and_type', [maxPositions, hiddenSize], positions)
    const places = this.#graph.node('Gather', [table, this.#input('positions')])
    return this.#skipLayerNorm(words, places, 'embeddings.LayerNorm')
  }

  /** @returns [real, hidden] */
  #layer(prefix: string, states: string): string {
    const output = `${prefix}.attention.output`
    const mixed = this.#attention(`${prefix}.attention.self`, states)
    const attended = this.#times(mixed, `${output}.dense`)
    const middle = this.#skipLayerNorm(attended, states, `${output}.LayerNorm`, `${output}.dense.bias`)
    const wide = this.#activation(this.#times(middle, `${prefix}.intermediate.dense`), `${prefix}.intermediate.dense`)
    const narrow = this.#times(wide, `${prefix}.output.dense`)
    return this.#skipLayerNorm(narrow, middle, `${prefix}.output.LayerNorm`, `${prefix}.output.dense.bias`)
  }

  /** @returns the heads' mixtures of values, joined, [real, hidden] */
  #attention(prefix: string, states: string): string {
    switch (this.#form.attention) {
      case 'packed':
        return this.#packedAttention(
          prefix,
          PROJECTIONS.map((name) => this.#times(states, `${prefix}.${name}`)),
        )
      case 'packed_joined':
        return this.#packedAttention(prefix, [this.#joinedProjections(prefix, states), '', ''])
      default: {
        const first = this.#form.attention === 'bias_first'
        const padded = PROJECTIONS.map((name) => {
          const projected = this.#times(states, `${prefix}.${name}`)
          const rows = first
            ? this.#graph.node('Add', [projected, this.#parameter(`${prefix}.${name}.bias`)])
            : projected
          return this.#graph.node('Gather', [rows, this.#input('token_of_place')])
        })
        const mixed =
          this.#form.attention === 'plain'
            ? this.#plainAttention(prefix, padded)
            : this.#paddedAttention(prefix, padded)
        const flat = this.#graph.node('Reshape', [mixed, this.#graph.int64([-1, this.#config.hiddenSize])])
        return this.#graph.node('Gather', [flat, this.#input('place_of_token')])
      }
    }
  }

  #packedAttention(prefix: string, projected: readonly string[]): string {
    const places = [this.#input('token_offset'), this.#input('cumulative_lengths')]
    return this.#graph.node('PackedMultiHeadAttention', [...projected, this.#joinedBias(prefix), ...places], {
      ...MICROSOFT,
      attributes: { num_heads: { int: this.#config.heads } },
    })
  }

  /** @returns [real, heads, 3, headSize] */
  #joinedProjections(prefix: string, states: string): string {
    const { hiddenSize, heads } = this.#config
    const headSize = hiddenSize / heads
    const kernels = PROJECTIONS.map((name) => this.#weights[`${prefix}.${name}.weight`]!.values)
    const joined = new Float32Array(3 * hiddenSize * hiddenSize)
    for (let row = 0, at = 0; row < hiddenSize; row++) {
      for (let head = 0; head < heads; head++) {
        for (const kernel of kernels) {
          const start = row * hiddenSize + head * headSize
          joined.set(kernel.subarray(start, start + headSize), at)
          at += headSize
        }
      }
    }
    const kernel = this.#constant(`${prefix}.weight`, [hiddenSize, 3 * hiddenSize], joined)
    const projected = this.#graph.node('MatMul', [states, kernel])
    return this.#graph.node('Reshape', [projected, this.#graph.int64([-1, heads, 3, headSize])])
  }

  /** @param padded queries, keys and values, [batch, tokens, hidden] each @returns [batch, tokens, hidden] */
  #paddedAttention(prefix: string, padded: readonly string[]): string {
    const mask = this.#form.attention === 'ranges' ? [this.#input('key_ranges')] : ['', this.#scoreBias()]
    return this.#graph.node(
      'MultiHeadAttention',
      [...padded, this.#form.attention === 'bias_first' ? '' : this.#joinedBias(prefix), ...mask],
      {
        ...MICROSOFT,
        attributes: { num_heads: { int: this.#config.heads } },
      },
    )
  }

  #plainAttention(prefix: string, padded: readonly string[]): string {
    const { hiddenSize, heads } = this.#config
    const headSize = hiddenSize / heads
    const graph = this.#graph
    const perm = [
      [0, 2, 1, 3],
      [0, 2, 3, 1],
      [0, 2, 1, 3],
    ]
    const [queries, keys, values] = padded.map((rows, i) => {
      const biased = graph.node('Add', [rows, this.#parameter(`${prefix}.${PROJECTIONS[i]}.bias`)])
      const split = graph.node('Reshape', [biased, graph.int64([0, 0, heads, headSize])])
      return graph.node('Transpose', [split], { attributes: { perm: { ints: perm[i]! } } })
    })
    const scale = this.#constant(`scale.${headSize}`, [], Float32Array.of(1 / Math.sqrt(headSize)))
    const scores = graph.node('MatMul', [graph.node('Mul', [queries!, scale]), keys!])
    const masked = graph.node('Add', [scores, this.#narrowed(this.#input('key_bias'))])
    const shares = graph.node('Softmax', [masked], { attributes: { axis: { int: -1 } } })
    const mixed = graph.node('MatMul', [shares, values!])
    return graph.node('Transpose', [mixed], { attributes: { perm: { ints: [0, 2, 1, 3] } } })
  }

  /** @returns what is added to the scores, [batch, 1, tokens, tokens] */
  #scoreBias(): string {
    if (this.#attentionBias === undefined) {
      const graph = this.#graph
      const keys = this.#narrowed(this.#input('key_bias'))
      const tokens = graph.node('Gather', [graph.node('Shape', [this.#input('token_of_place')]), graph.int64([1])])
      const shape = graph.node('Concat', [graph.int64([1, 1]), tokens, graph.int64([1])], {
        attributes: { axis: { int: 0 } },
      })
      this.#attentionBias = graph.node('Expand', [keys, shape])
    }
    return this.#attentionBias
  }

  #narrowed(value: string): string {
    if (this.#form.element === 'fp32') return value
    return this.#graph.node('Cast', [value], { attributes: { to: { int: DataType.FLOAT16 } } })
  }

  #widened(value: string): string {
    if (this.#form.element === 'fp32') return value
    return this.#graph.node('Cast', [value], { attributes: { to: { int: DataType.FLOAT } } })
  }

  #joinedBias(prefix: string): string {
    const biases = PROJECTIONS.map((name) => this.#weights[`${prefix}.${name}.bias`]!.values)
    const joined = Float32Array.from(biases.flatMap((values) => Array.from(values)))
    return this.#constant(`${prefix}.bias`, [joined.length], joined)
  }

  #times(rows: string, layer: string): string {
    return this.#graph.node('MatMul', [rows, this.#parameter(`${layer}.weight`)])
  }

  /** LayerNorm(input + bias + skip) */
  #skipLayerNorm(input: string, skip: string, norm: string, bias?: string): string {
    const inputs = [input, skip, this.#parameter(`${norm}.weight`), this.#parameter(`${norm}.bias`)]
    if (bias !== undefined) inputs.push(this.#parameter(bias))
    const attributes = { epsilon: { float: this.#config.layerNormEpsilon } }
    return this.#graph.node('SkipLayerNormalization', inputs, { ...MICROSOFT, attributes })
  }

  #activation(input: string, layer: string): string {
    const { activation } = this.#config
    const bias = this.#parameter(`${layer}.bias`)
    if (activation === 'relu') return this.#graph.node('Relu', [this.#graph.node('Add', [input, bias])])
    return this.#graph.node(activation === 'gelu' ? 'BiasGelu' : 'FastGelu', [input, bias], MICROSOFT)
  }

  /** @returns the [CLS] states in fp32, [batch, hidden] */
  #firstStates(states: string): string {
    const graph = this.#graph
    const firsts = graph.node('Slice', [this.#input('cumulative_lengths'), graph.int64([0]), graph.int64([-1])])
    return this.#widened(graph.node('Gather', [states, firsts]))
  }

  /** @returns the mean state of each text's real tokens in fp32, [batch, hidden] */
  #meanStates(states: string): string {
    const graph = this.#graph
    const padded = this.#widened(graph.node('Gather', [states, this.#input('token_of_place')]))
    const mean = graph.node('MatMul', [this.#input('mean_weights'), padded]) // [batch, 1, hidden]
    return graph.node('Reshape', [mean, graph.int64([-1, this.#config.hiddenSize])])
  }

  #pooler(pooled: string): string {
    const { pooler } = this.#config
    if (pooler === 'none') return pooled
    const dense = this.#graph.node('Gemm', [pooled, this.#fp32('pooler.dense.weight'), this.#fp32('pooler.dense.bias')])
    return this.#graph.node(pooler === 'tanh' ? 'Tanh' : 'Relu', [dense])
  }

  /** A parameter in the element type. */
  #parameter(name: string): string {
    const { shape, values } = this.#weights[name]!
    return this.#constant(name, shape, values as Float32Array)
  }

  #fp32(name: string): string {
    const { shape, values } = this.#weights[name]!
    return this.#graph.initializer(inlineTensor(name, DataType.FLOAT, shape, values as Float32Array))
  }

  #constant(name: string, shape: readonly number[], values: Float32Array): string {
    const { element } = this.#form
    const tensor =
      element === 'fp16'
        ? inlineTensor(name, DataType.FLOAT16, shape, toFloat16(values))
        : inlineTensor(name, DataType.FLOAT, shape, values)
    return this.#graph.initializer(tensor)
  }
}

const PROJECTIONS = ['query', 'key', 'value'] as const
