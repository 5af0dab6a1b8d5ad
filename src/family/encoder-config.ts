/**
 * What an encoder is: every size and choice that decides its parameters and its arithmetic (BERT, Devlin et al. 2019).
 * One config describes the traced training graph, the portable ONNX file and every variant derived from it.
 */
export interface EncoderConfig {
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly layers: number
  /** attention heads; divides hiddenSize */
  readonly heads: number
  readonly intermediateSize: number
  /** rows of the position table: the longest input in tokens, special tokens included */
  readonly maxPositions: number
  /** rows of the token-type table; 0 for DistilBERT, which has none. Inputs are always of type 0. */
  readonly typeVocabSize: number
  readonly layerNormEpsilon: number
  readonly padTokenId: number
  readonly activation: 'gelu' | 'gelu_new' | 'relu'
  /** how the sequence becomes one vector: the [CLS] state, or the mean over real tokens */
  readonly pooling: 'cls' | 'mean'
  /** the dense layer between pooling and classifier: BERT has tanh, DistilBERT relu; none leaves it out */
  readonly pooler: 'tanh' | 'relu' | 'none'
  /** number of classes */
  readonly labels: number
}

/** @returns whether it has one layer, of which [CLS] alone is read: what it asks of a text's tokens is then the same for all texts */
export function isOneLayer({ layers, pooling }: Pick<EncoderConfig, 'layers' | 'pooling'>): boolean {
  return layers === 1 && pooling === 'cls'
}
