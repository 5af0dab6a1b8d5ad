/** From a tier's weights to the form of its model that a provider runs. */
import type { EncoderConfig } from '../../family/encoder-config.js'
import type { HostTensors } from '../../family/tensor.js'
import type { Provider } from '../providers.js'
import type { Precision } from '../stored-weights.js'
import { buildGpuEncoder } from './gpu-encoder.js'
import { buildPackedEncoder } from './packed-encoder.js'
import type { DerivedVariant } from './variant-names.js'

export interface VariantSource {
  readonly provider: Provider
  readonly variant: DerivedVariant
  readonly config: EncoderConfig
  /** as `readWeights` gives them */
  readonly weights: HostTensors
  /** in which weights.bin stores matrices */
  readonly precision: Precision
}

/** @returns the model's file contents, weights included */
export function deriveVariant({ provider, variant, config, weights, precision }: VariantSource): Uint8Array {
  if (provider === 'cpu') {
    return buildPackedEncoder(config, weights, precision, variant === 'fused_int8' ? 'int8' : 'fp32')
  }
  return buildGpuEncoder(config, weights, {
    element: variant === 'fused_fp16' ? 'fp16' : 'fp32',
    attention: provider === 'cuda' ? 'packed' : 'padded',
  })
}
