/**
 * The last layer where the classifier reads nothing but the state of [CLS]: attention asks for one query a text, and all that
 * follows runs on one row a text. Products are regrouped so that neither keys nor values of the other tokens are made:
 *
 *   q · (x Wk + bk)  =  (q Wkᵀ) · x + q · bk       the second term is the same for every token: softmax takes no notice of it
 *   Σ a (x Wv + bv)  =  (Σ a x) Wv + bv            shares add up to 1
 *
 * A token then costs 2 · heads · hidden products in place of 12 · hidden² (BERT's proportions): for 12 heads of 384, 1 in 190.
 */
import type { HostTensor } from '../../family/tensor.js'
import { constant, type EncoderParts, encoderLayerRest, parameter } from './encoder-layers.js'

export interface ClsLayerInputs {
  /** states before the layer, in padded places any finite ones, [batch, tokens, hidden] */
  readonly padded: string
  /** states of [CLS], [batch, hidden] */
  readonly first: string
  /** 0 for a text's tokens, very negative for padding, [batch, 1, tokens] */
  readonly keyBias: string
}

/** @returns the states of [CLS] after the layer, [batch, hidden] */
export function clsLayer(parts: EncoderParts, prefix: string, { padded, first, keyBias }: ClsLayerInputs): string {
  const { graph, config } = parts
  const { heads, hiddenSize } = config
  const headSize = hiddenSize / heads
  const self = `${prefix}.attention.self`
  const transpose = (value: string, perm: number[]) =>
    graph.node('Transpose', [value], { attributes: { perm: { ints: perm } } })

  const product = graph.node('MatMul', [first, parameter(parts, `${self}.query.weight`)])
  const queries = graph.node('Add', [product, parameter(parts, `${self}.query.bias`)])
  const byHead = transpose(graph.node('Reshape', [queries, graph.int64([0, heads, headSize])]), [1, 0, 2])
  const keys = headKernel(parts.weights[`${self}.key.weight`]!, heads, 'out-in')
  const scale = 1 / Math.sqrt(headSize)
  const scaledKeys = keys.map((value) => value * scale)
  const asked = graph.node('MatMul', [
    byHead,
    constant(parts, `${self}.keys_by_head`, [heads, headSize, hiddenSize], scaledKeys),
  ]) // [heads, batch, hidden]

  // the small factor is the one that is turned: [batch, tokens, heads] -> [batch, heads, tokens]
  const scores = transpose(graph.node('MatMul', [padded, transpose(asked, [1, 2, 0])]), [0, 2, 1])
  const shares = graph.node('Softmax', [graph.node('Add', [scores, keyBias])], { attributes: { axis: { int: -1 } } })
  const mixed = graph.node('MatMul', [shares, padded]) // [batch, heads, hidden]

  const values = headKernel(parts.weights[`${self}.value.weight`]!, heads, 'in-out')
  const valued = graph.node('MatMul', [
    transpose(mixed, [1, 0, 2]),
    constant(parts, `${self}.values_by_head`, [heads, hiddenSize, headSize], values),
  ]) // [heads, batch, headSize]
  const joined = graph.node('Reshape', [transpose(valued, [1, 0, 2]), graph.int64([-1, hiddenSize])])
  const attention = graph.node('Add', [joined, parameter(parts, `${self}.value.bias`)])
  return encoderLayerRest(parts, prefix, attention, first)
}

/** @returns a kernel [hidden, heads · headSize] as [heads, hidden, headSize] (`in-out`) or [heads, headSize, hidden] (`out-in`) */
export function headKernel({ shape, values }: HostTensor, heads: number, order: 'in-out' | 'out-in'): Float32Array {
  const hidden = shape[0]!
  const headSize = hidden / heads
  const result = new Float32Array(hidden * hidden)
  for (let i = 0; i < hidden; i++) {
    for (let column = 0; column < hidden; column++) {
      const head = Math.floor(column / headSize)
      const within = column % headSize
      const place = order === 'in-out' ? i * headSize + within : within * hidden + i
      result[head * hidden * headSize + place] = values[i * hidden + column]!
    }
  }
  return result
}
