import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { parameterSpecs } from '../../src/family/parameters.js'

/**
 * Weight decay applies to embeddings and kernels, never to biases and LayerNorms. Parameters that are no part of the
 * encoder (a loss's projections) decay unless their name ends in `bias`.
 */
export function decayedParameters(config: EncoderConfig): (name: string) => boolean {
  const kinds = new Map(parameterSpecs(config).map((spec) => [spec.name, spec.kind]))
  return (name) => {
    const kind = kinds.get(name)
    return kind === undefined ? !name.endsWith('bias') : kind === 'embedding' || kind === 'kernel'
  }
}

/**
 * Layer-wise learning-rate decay: 1 for pooler, classifier and whatever is no part of the encoder, decay for the last layer,
 * decay² for the one below it, and so on down to the embeddings, decay^(layers + 1).
 * @param decay in (0, 1]; 1 is no decay
 * @see Howard and Ruder 2018 (discriminative fine-tuning); Clark et al. 2020 for the exponents
 */
export function layerwiseFactors(config: EncoderConfig, decay: number): (name: string) => number {
  return (name) => {
    const layer = /^encoder\.layer\.(\d+)\./.exec(name)?.[1]
    if (layer !== undefined) return decay ** (config.layers - Number(layer))
    return name.startsWith('embeddings.') ? decay ** (config.layers + 1) : 1
  }
}
