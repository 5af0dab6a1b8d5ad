/**
 * What can be worked out beforehand for an encoder of one layer whose classifier reads [CLS]. Every text begins with [CLS], so that its
 * state before the layer, its query, and what it asks of every word and every position are the same for all texts:
 *
 *   state of token t      x = (c / σ) ∘ γ + β,   c = word + position, rows of both tables less their means, σ² = mean c² + ε
 *   score of head h       q · (x Wk) = (u · c) / σ + const,   u = γ ∘ (Wk q);   u · c = u · word + u · position: two numbers, looked up
 *   mixture of values     Σ a (x Wv + bv) = (Σ (a / σ) c) (γ ∘ Wv) + (β Wv + bv),   the shares a add up to 1
 *
 * The constant in the score is the same for every token: softmax takes no notice of it.
 */
import type { EncoderConfig } from '../../family/encoder-config.js'
import { layerPrefix } from '../../family/parameters.js'
import type { HostTensors } from '../../family/tensor.js'
import { positionsOfTypeZero } from './encoder-layers.js'

export interface OneLayerTables {
  /** rows less their means, [vocab, hidden] */
  readonly words: Float32Array
  /** of token type 0, rows less their means, [positions, hidden] */
  readonly positions: Float32Array
  /** u · word of each head, divided by the root of its size, [vocab, heads] */
  readonly wordScores: Float32Array
  /** likewise, [positions, heads] */
  readonly positionScores: Float32Array
  /** state of [CLS] before the layer, [hidden] */
  readonly first: Float32Array
  /** γ ∘ Wv, [hidden, hidden] */
  readonly valueKernel: Float32Array
  /** β Wv + bv, [hidden] */
  readonly valueBias: Float32Array
}

/**
 * @param weights as `readWeights` gives them
 * @param clsId with which every sequence begins
 */
export function oneLayerTables(config: EncoderConfig, weights: HostTensors, clsId: number): OneLayerTables {
  const { hiddenSize: hidden } = config
  const values = (name: string) => Float32Array.from(weights[name]!.values)
  const words = lessRowMeans(values('embeddings.word_embeddings.weight'), hidden)
  const positions = lessRowMeans(positionsOfTypeZero(config, weights), hidden)
  const gamma = values('embeddings.LayerNorm.weight')
  const beta = values('embeddings.LayerNorm.bias')

  const sum = words.slice(clsId * hidden, (clsId + 1) * hidden).map((value, i) => value + positions[i]!)
  const deviation = Math.sqrt(sum.reduce((total, value) => total + value * value, 0) / hidden + config.layerNormEpsilon)
  const first = sum.map((value, i) => (value / deviation) * gamma[i]! + beta[i]!)

  const self = `${layerPrefix(0)}.attention.self`
  const query = product(first, values(`${self}.query.weight`), values(`${self}.query.bias`))
  const asked = askedOfStates(config, query, values(`${self}.key.weight`), gamma)
  const valueKernel = values(`${self}.value.weight`)
  return {
    ...{ words, positions, first },
    wordScores: scores(words, asked, config),
    positionScores: scores(positions, asked, config),
    valueBias: product(beta, valueKernel, values(`${self}.value.bias`)),
    valueKernel: valueKernel.map((value, i) => value * gamma[Math.floor(i / hidden)]!),
  }
}

function lessRowMeans(table: Float32Array, columns: number): Float32Array {
  for (let start = 0; start < table.length; start += columns) {
    const row = table.subarray(start, start + columns)
    const mean = row.reduce((total, value) => total + value, 0) / columns
    for (let i = 0; i < columns; i++) row[i]! -= mean
  }
  return table
}

/** @returns row · kernel + bias, [out] */
function product(row: Float32Array, kernel: Float32Array, bias: Float32Array): Float32Array {
  return bias.map((start, column) => {
    let total = start
    for (let i = 0; i < row.length; i++) total += row[i]! * kernel[i * bias.length + column]!
    return total
  })
}

/** @returns u of each head, divided by the root of its size, [hidden, heads] */
function askedOfStates(
  { hiddenSize: hidden, heads }: EncoderConfig,
  query: Float32Array,
  keyKernel: Float32Array,
  gamma: Float32Array,
): Float32Array {
  const headSize = hidden / heads
  const asked = new Float32Array(hidden * heads)
  for (let i = 0; i < hidden; i++) {
    for (let head = 0; head < heads; head++) {
      let total = 0
      for (let j = head * headSize; j < (head + 1) * headSize; j++) total += keyKernel[i * hidden + j]! * query[j]!
      asked[i * heads + head] = (total * gamma[i]!) / Math.sqrt(headSize)
    }
  }
  return asked
}

/** @returns each row's product with what each head asks, [rows, heads] */
function scores(table: Float32Array, asked: Float32Array, { hiddenSize: hidden, heads }: EncoderConfig): Float32Array {
  const rows = table.length / hidden
  const result = new Float32Array(rows * heads)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < hidden; i++) {
      const value = table[row * hidden + i]!
      for (let head = 0; head < heads; head++) result[row * heads + head]! += value * asked[i * heads + head]!
    }
  }
  return result
}
