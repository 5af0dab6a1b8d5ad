import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { type ParameterSpec, parameterSpecs } from '../../src/family/parameters.js'
import { elementCount, type HostTensor, type HostTensors } from '../../src/family/tensor.js'
import type { Random } from '../random.js'

/** BERT's `initializer_range` */
const STANDARD_DEVIATION = 0.02

/** Fresh parameters as BERT draws them: normal(0, 0.02) embeddings and kernels, LayerNorm scales 1, everything else 0. */
export function initialParameters(config: EncoderConfig, random: Random): HostTensors {
  return Object.fromEntries(parameterSpecs(config).map((spec) => [spec.name, initialParameter(spec, random)]))
}

/** A fresh classifier, for an encoder that was trained for other labels or for none. */
export function initialHead(config: EncoderConfig, random: Random): HostTensors {
  const head = parameterSpecs(config).filter((spec) => spec.name.startsWith('classifier.'))
  return Object.fromEntries(head.map((spec) => [spec.name, initialParameter(spec, random)]))
}

/** One fresh parameter. Each draws from a generator forked by its name, so that none depends on the others. */
export function initialParameter({ name, shape, kind }: ParameterSpec, random: Random): HostTensor {
  const values = new Float32Array(elementCount(shape))
  if (kind === 'norm-scale') values.fill(1)
  if (kind === 'embedding' || kind === 'kernel') {
    const source = random.fork(name)
    for (let i = 0; i < values.length; i++) values[i] = source.normal(STANDARD_DEVIATION)
  }
  return { shape, values }
}
