import type { EncoderConfig } from './encoder-config.js'
import { elementCount } from './tensor.js'

/** What a parameter does; decides weight decay, initialisation and how it may be quantised. */
export type ParameterKind = 'embedding' | 'kernel' | 'bias' | 'norm-scale' | 'norm-bias'

export interface ParameterSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly kind: ParameterKind
}

/**
 * The parameters of an encoder, in a fixed order. Names are Hugging Face BERT's without the `bert.` prefix; kernels are
 * stored [in, out] (Hugging Face stores [out, in]), so that a linear layer is `x · kernel + bias`.
 */
export function parameterSpecs(config: EncoderConfig): ParameterSpec[] {
  const { hiddenSize: hidden, intermediateSize: intermediate } = config
  const specs: ParameterSpec[] = []
  const add = (name: string, kind: ParameterKind, ...shape: number[]) => specs.push({ name, shape, kind })
  const linear = (name: string, inputs: number, outputs: number) => {
    add(`${name}.weight`, 'kernel', inputs, outputs)
    add(`${name}.bias`, 'bias', outputs)
  }
  const norm = (name: string) => {
    add(`${name}.weight`, 'norm-scale', hidden)
    add(`${name}.bias`, 'norm-bias', hidden)
  }
  add('embeddings.word_embeddings.weight', 'embedding', config.vocabSize, hidden)
  add('embeddings.position_embeddings.weight', 'embedding', config.maxPositions, hidden)
  if (config.typeVocabSize > 0) {
    add('embeddings.token_type_embeddings.weight', 'embedding', config.typeVocabSize, hidden)
  }
  norm('embeddings.LayerNorm')
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = layerPrefix(layer)
    linear(`${prefix}.attention.self.query`, hidden, hidden)
    linear(`${prefix}.attention.self.key`, hidden, hidden)
    linear(`${prefix}.attention.self.value`, hidden, hidden)
    linear(`${prefix}.attention.output.dense`, hidden, hidden)
    norm(`${prefix}.attention.output.LayerNorm`)
    linear(`${prefix}.intermediate.dense`, hidden, intermediate)
    linear(`${prefix}.output.dense`, intermediate, hidden)
    norm(`${prefix}.output.LayerNorm`)
  }
  if (config.pooler !== 'none') linear('pooler.dense', hidden, hidden)
  linear('classifier', hidden, config.labels)
  return specs
}

/** @returns the name prefix of an encoder layer's parameters */
export function layerPrefix(layer: number): string {
  return `encoder.layer.${layer}`
}

/** @returns the number of trainable scalars */
export function parameterCount(config: EncoderConfig): number {
  return parameterSpecs(config).reduce((sum, spec) => sum + elementCount(spec.shape), 0)
}
