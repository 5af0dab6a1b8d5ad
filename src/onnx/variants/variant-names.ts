/** The forms in which a tier can run, and which of them a provider is tried with. */
import type { Provider } from '../providers.js'

export const VARIANTS = ['fused_int8', 'fused_fp32', 'portable'] as const
/**
 * `portable` is the exported file itself; the others are derived from its weights: padding-free, of fused operators, the
 * linear layers in fp32 or in int8 (softmax, norms and GELU stay fp32).
 */
export type VariantName = (typeof VARIANTS)[number]
export type DerivedVariant = Exclude<VariantName, 'portable'>

export const REQUESTED_VARIANTS = ['auto', ...VARIANTS] as const
/** `auto` takes the first that passes its check, quickest first */
export type RequestedVariant = (typeof REQUESTED_VARIANTS)[number]

/**
 * @returns what to try, in order; the portable model stands last, since it needs no check
 * The fused operators of WebGPU and CUDA take other inputs than the CPU's: there the portable model runs.
 */
export function variantsToTry(provider: Provider, requested: RequestedVariant): VariantName[] {
  if (provider !== 'cpu' || requested === 'portable') return ['portable']
  return requested === 'auto' ? [...VARIANTS] : [requested, 'portable']
}
