import type { EncoderConfig } from '../../src/family/encoder-config.js'

/**
 * Floating-point operations of one sequence: the matrix products of every layer and nothing else (a multiply and an add are
 * two), as GPU ceilings are stated.
 * @param tokens special tokens included, without padding
 */
export function encoderFlops({ layers, hiddenSize, intermediateSize }: EncoderConfig, tokens: number): number {
  const linear = 2 * tokens * (4 * hiddenSize * hiddenSize + 2 * hiddenSize * intermediateSize)
  const attention = 2 * (2 * tokens * tokens * hiddenSize)
  return layers * (linear + attention)
}
