/** How much quality a variant may cost. */
import type { VariantQuality } from './variant-cache.js'

/** of accuracy and of AUC, as shares: half a point */
export const MAX_QUALITY_LOSS = 0.005

/**
 * One text that changes sides is no loss of accuracy, however few texts there are.
 * @returns why the variant may not be used, a clause; undefined when it may
 */
export function qualityFault({ texts, portable, variant }: VariantQuality): string | undefined {
  const losses = [
    { name: 'AUC', loss: portable.auc - variant.auc, allowed: MAX_QUALITY_LOSS },
    { name: 'accuracy', loss: portable.accuracy - variant.accuracy, allowed: Math.max(MAX_QUALITY_LOSS, 1 / texts) },
  ]
  const rounding = 1e-9
  const fault = losses.find(({ loss, allowed }) => loss > allowed + rounding)
  if (!fault) return undefined
  const points = (share: number) => (100 * share).toFixed(2)
  return `it loses ${points(fault.loss)} points of ${fault.name} on ${texts} labelled texts (allowed: ${points(fault.allowed)})`
}
