import type { EncoderConfig } from './encoder-config.js'

/**
 * Floating-point operations of one sequence: the matrix products of every layer and nothing else (a multiply and an add are
 * two), as GPU ceilings are stated.
 * @param tokens special tokens included, without padding
 */
export function encoderFlops(config: EncoderConfig, tokens: number): number {
  const attention = 2 * (2 * tokens * tokens * config.hiddenSize)
  return config.layers * (linearFlops(config, tokens) + attention)
}

/** @returns those of one layer's linear parts, which are in proportion to the tokens */
export function linearFlops({ hiddenSize, intermediateSize }: EncoderConfig, tokens: number): number {
  return 2 * tokens * (4 * hiddenSize * hiddenSize + 2 * hiddenSize * intermediateSize)
}
