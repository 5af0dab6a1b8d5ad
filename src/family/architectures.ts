import type { EncoderConfig } from './encoder-config.js'
import { parameterCount } from './parameters.js'

/** The sizes that tell one architecture from another. */
export interface Architecture {
  readonly name: string
  readonly layers: number
  readonly hiddenSize: number
  readonly heads: number
  readonly intermediateSize: number
}

const BERT_VOCABULARY = 30_522
const BERT_POSITIONS = 512

/** The named architectures of the distillation study, teacher first. */
export const ARCHITECTURES: readonly Architecture[] = [
  { name: 'bert-base', layers: 12, hiddenSize: 768, heads: 12, intermediateSize: 3072 },
  { name: 'distilbert', layers: 6, hiddenSize: 768, heads: 12, intermediateSize: 3072 },
  { name: 'custom-6x512', layers: 6, hiddenSize: 512, heads: 8, intermediateSize: 2048 },
  { name: 'tinybert', layers: 4, hiddenSize: 312, heads: 12, intermediateSize: 1200 },
  { name: 'minilm', layers: 12, hiddenSize: 384, heads: 12, intermediateSize: 1536 },
  { name: 'custom-2x384', layers: 2, hiddenSize: 384, heads: 12, intermediateSize: 1536 },
]

/** @returns the named architecture, or undefined */
export function findArchitecture(name: string): Architecture | undefined {
  return ARCHITECTURES.find((architecture) => architecture.name === name)
}

/**
 * The encoder that an architecture stands for, with BERT's uncased vocabulary and a two-class head unless told otherwise.
 * DistilBERT keeps no token types and a ReLU before its classifier.
 */
export function encoderConfig(
  architecture: Omit<Architecture, 'name'> & { name?: string },
  overrides: Partial<EncoderConfig> = {},
): EncoderConfig {
  const distilbert = architecture.name === 'distilbert'
  return {
    vocabSize: BERT_VOCABULARY,
    hiddenSize: architecture.hiddenSize,
    layers: architecture.layers,
    heads: architecture.heads,
    intermediateSize: architecture.intermediateSize,
    maxPositions: BERT_POSITIONS,
    typeVocabSize: distilbert ? 0 : 2,
    layerNormEpsilon: 1e-12,
    padTokenId: 0,
    activation: 'gelu',
    pooling: 'cls',
    pooler: distilbert ? 'relu' : 'tanh',
    labels: 2,
    ...overrides,
  }
}

/** @returns the named architectures with their parameters counted (two-class head, 30,522-word vocabulary) */
export function describeArchitectures(): (Architecture & { parameters: number })[] {
  return ARCHITECTURES.map((architecture) => ({
    ...architecture,
    parameters: parameterCount(encoderConfig(architecture)),
  }))
}
