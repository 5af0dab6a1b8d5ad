import type { ModelResult } from '../study/results.js'

/** Models by accuracy, then NLL. */
export function ranked(models: readonly ModelResult[]): ModelResult[] {
  return [...models].sort(
    (a, b) => b.quality.accuracy.value - a.quality.accuracy.value || a.quality.nll.value - b.quality.nll.value,
  )
}
