/** What an encoder's graph may ask for, and how a batch is given to it: a graph says by its inputs what it takes. */
import { Tensor } from 'onnxruntime-node'
import type { EncoderConfig } from '../family/encoder-config.js'
import type { TokenSequence } from './encoder-session.js'
import { longestOf, PackedBatch } from './packed-batch.js'

type Limits = Pick<EncoderConfig, 'maxPositions' | 'padTokenId'>

/** Inputs of packed graphs; those of portable ones are `input_ids` and `attention_mask`. */
const PACKED_FEEDS = {
  token_ids: (batch: PackedBatch) => new Tensor('int32', batch.tokenIds(), [batch.tokens]),
  ids_of_places: (batch: PackedBatch) => new Tensor('int32', batch.idsOfPlaces(), [batch.batch, batch.longest]),
  positions: (batch: PackedBatch) => new Tensor('int32', batch.positions(), [batch.tokens]),
  place_of_token: (batch: PackedBatch) => new Tensor('int32', batch.placeOfToken(), [batch.tokens]),
  first_tokens: (batch: PackedBatch) => new Tensor('int32', batch.cumulativeLengths.subarray(0, -1), [batch.batch]),
  cumulative_lengths: (batch: PackedBatch) => new Tensor('int32', batch.cumulativeLengths, [batch.batch + 1]),
  token_offset: (batch: PackedBatch) => new Tensor('int32', batch.tokenOffset(), [batch.batch, batch.longest]),
  token_of_place: (batch: PackedBatch) => new Tensor('int32', batch.tokenOfPlace(), [batch.batch, batch.longest]),
  mean_weights: (batch: PackedBatch) => new Tensor('float32', batch.meanWeights(), [batch.batch, 1, batch.longest]),
  score_bias: (batch: PackedBatch) => new Tensor('float32', batch.keyBias(), [batch.batch, 1, batch.longest]),
  key_bias: (batch: PackedBatch) => new Tensor('float32', batch.keyBias(), [batch.batch, 1, 1, batch.longest]),
}
export type PackedInput = keyof typeof PACKED_FEEDS

/**
 * @param inputNames of the graph: some of `PackedInput`, or `input_ids` and `attention_mask`
 * @throws ShapeMismatch when a sequence is empty or longer than the position table
 */
export function encoderFeeds(
  inputNames: readonly string[],
  sequences: readonly TokenSequence[],
  config: Limits,
): Record<string, Tensor> {
  if (inputNames.includes('input_ids')) {
    const { inputIds, attentionMask, tokens } = padSequences(sequences, config)
    const shape = [sequences.length, tokens]
    return {
      input_ids: new Tensor('int64', inputIds, shape),
      attention_mask: new Tensor('int64', attentionMask, shape),
    }
  }
  const batch = new PackedBatch(sequences, config)
  return Object.fromEntries(inputNames.map((name) => [name, PACKED_FEEDS[name as PackedInput](batch)]))
}

/**
 * @returns row-major [batch, tokens], tokens being the longest sequence
 * @throws ShapeMismatch when a sequence is empty or longer than the position table
 */
export function padSequences(
  sequences: readonly TokenSequence[],
  config: Limits,
): { inputIds: BigInt64Array; attentionMask: BigInt64Array; tokens: number } {
  const tokens = longestOf(sequences, config)
  const inputIds = new BigInt64Array(sequences.length * tokens).fill(BigInt(config.padTokenId))
  const attentionMask = new BigInt64Array(sequences.length * tokens)
  sequences.forEach((sequence, row) => {
    for (let i = 0; i < sequence.inputIds.length; i++) {
      inputIds[row * tokens + i] = BigInt(sequence.inputIds[i]!)
      attentionMask[row * tokens + i] = 1n
    }
  })
  return { inputIds, attentionMask, tokens }
}
