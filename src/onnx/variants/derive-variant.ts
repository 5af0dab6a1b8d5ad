/** From a tier's weights to the form of its model that a provider runs. */
import { type EncoderConfig, isOneLayer } from '../../family/encoder-config.js'
import type { HostTensors } from '../../family/tensor.js'
import type { Provider } from '../providers.js'
import type { Precision } from '../stored-weights.js'
import { buildGpuEncoder } from './gpu-encoder.js'
import { buildOneLayerEncoder } from './one-layer-encoder.js'
import { buildPackedEncoder } from './packed-encoder.js'
import type { DerivedVariant } from './variant-names.js'

export interface VariantSource {
  readonly provider: Provider
  readonly variant: DerivedVariant
  readonly config: EncoderConfig
  /** as `readWeights` gives them */
  readonly weights: HostTensors
  /** with which every sequence begins */
  readonly clsId: number
  /** in which weights.bin stores matrices */
  readonly precision: Precision
}

/** @returns the model's file contents, weights included */
export function deriveVariant({ provider, variant, config, weights, clsId, precision }: VariantSource): Uint8Array {
  if (provider === 'cpu') {
    const arithmetic = variant === 'fused_int8' ? 'int8' : 'fp32'
    if (isOneLayer(config)) return buildOneLayerEncoder(config, weights, clsId, arithmetic)
    return buildPackedEncoder(config, weights, precision, arithmetic)
  }
  return buildGpuEncoder(config, weights, {
    element: variant === 'fused_fp16' ? 'fp16' : 'fp32',
    attention: provider === 'cuda' ? 'packed' : 'padded',
  })
}
