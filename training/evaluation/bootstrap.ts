import type { Estimate } from '../../src/family/family-schema.js'
import { createRandom } from '../random.js'
import { onceEach, type ResampledMetric } from './sample.js'

export interface BootstrapOptions {
  /** 1,000 by default */
  readonly resamples?: number | undefined
  /** any integer; 1 by default */
  readonly seed?: number | undefined
}

/**
 * Metrics of a sample with their 95% percentile bootstrap intervals over examples (Efron). All metrics see the same
 * resamples, so that their differences can be compared too. Resamples in which a metric is NaN (a class is missing) do not
 * count for it.
 * @param metrics by name
 * @param examples in the sample
 */
export function bootstrapEstimates<Name extends string>(
  metrics: Readonly<Record<Name, ResampledMetric>>,
  examples: number,
  { resamples = 1000, seed = 1 }: BootstrapOptions = {},
): Record<Name, Estimate> {
  const names = Object.keys(metrics) as Name[]
  const values = names.map(() => new Float64Array(resamples))
  const random = createRandom(seed).fork('bootstrap')
  const counts = new Uint16Array(examples)
  for (let resample = 0; resample < resamples; resample++) {
    counts.fill(0)
    for (let i = 0; i < examples; i++) counts[random.integer(examples)]!++
    for (const [i, name] of names.entries()) values[i]![resample] = metrics[name](counts)
  }
  const sample = onceEach(examples)
  const estimates = names.map((name, i) => {
    const value = metrics[name](sample)
    const sorted = values[i]!.filter((resampled) => !Number.isNaN(resampled)).sort()
    if (sorted.length === 0) return [name, { value, low: value, high: value }]
    return [name, { value, low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) }]
  })
  return Object.fromEntries(estimates) as Record<Name, Estimate>
}

/** Linear interpolation between order statistics (type 7, numpy's default). */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!)
}
