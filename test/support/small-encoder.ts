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

/** Texts of several lengths, [CLS] … [SEP]. */
export const SMALL_SEQUENCES = [
  [2, 5, 9, 3],
  [2, 7, 7, 8, 40, 41, 49, 3],
  [2, 3],
]

/** Every choice of an architecture that changes what is computed, and what differs from SMALL_ENCODER. */
export const ENCODER_CHOICES: readonly [string, Partial<EncoderConfig>][] = [
  ['BERT (gelu, [CLS], tanh pooler)', {}],
  ['gelu_new', { activation: 'gelu_new' }],
  ['relu', { activation: 'relu' }],
  ['mean pooling without a pooler', { pooling: 'mean', pooler: 'none' }],
  ['DistilBERT (no token types, relu pooler)', { typeVocabSize: 0, pooler: 'relu' }],
  ['a large LayerNorm epsilon', { layerNormEpsilon: 0.1 }],
]
