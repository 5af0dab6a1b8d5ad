/** The forms in which a tier can run, and which of them a provider is tried with. */
import type { Provider } from '../providers.js'

export const VARIANTS = ['fused_int8', 'fused_fp16', 'fused_fp32', 'portable'] as const
/**
 * `portable` is the exported file itself; the others are derived from its weights: padding-free, of fused operators. In
 * `fused_int8` the linear layers are int8 (softmax, norms and GELU stay fp32); in `fused_fp16` all is fp16 but the sums
 * inside an operator, the pooler and the classifier.
 */
export type VariantName = (typeof VARIANTS)[number]
export type DerivedVariant = Exclude<VariantName, 'portable'>

export const REQUESTED_VARIANTS = ['auto', ...VARIANTS] as const
/** `auto` takes the first that passes its check, quickest first */
export type RequestedVariant = (typeof REQUESTED_VARIANTS)[number]

/** Quickest first. */
const VARIANTS_OF: Readonly<Record<Provider, readonly DerivedVariant[]>> = {
  cpu: ['fused_int8', 'fused_fp32'],
  cuda: ['fused_fp16'],
  webgpu: ['fused_fp16', 'fused_fp32'],
}

/**
 * @returns what to try, in order; the portable model stands last, since it needs no check, and alone where the provider has
 *   no such variant
 */
export function variantsToTry(provider: Provider, requested: RequestedVariant): VariantName[] {
  const possible = VARIANTS_OF[provider]
  return [...possible.filter((variant) => requested === 'auto' || requested === variant), 'portable']
}
