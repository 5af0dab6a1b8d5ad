import type { EncoderConfig } from '../../src/family/encoder-config.js'

/** Small, and no two of its sizes alike where that could hide a mistake. */
export const SMALL_ENCODER: EncoderConfig = {
  vocabSize: 50,
  hiddenSize: 24,
  layers: 2,
  heads: 3,
  intermediateSize: 40,
  maxPositions: 20,
  typeVocabSize: 2,
  layerNormEpsilon: 1e-12,
  padTokenId: 0,
  activation: 'gelu',
  pooling: 'cls',
  pooler: 'tanh',
  labels: 3,
}
