/** Is a process growing? A least-squares line through its memory over time. Pure. */

export interface MemorySample {
  readonly atMs: number
  readonly rssMiB: number
}

export interface MemorySlope {
  readonly mibPerHour: number
  /** half the width of the 95% interval of the slope, MiB an hour */
  readonly marginMibPerHour: number
  /** from the line's start to its end, MiB */
  readonly grownMiB: number
}

/** The first part is left out: caches fill, the heap finds its size. */
const SETTLING = 0.25
/** Memory that is read every second moves slowly: neighbours tell the same, so few of the samples count as independent. */
const INDEPENDENT_SAMPLES = 20
/** Smaller growth over a whole run is not told from the heap's breathing. */
const TOLERATED_MIB = 24

/** @param samples at least three after the settling part, ascending in time */
export function memorySlope(samples: readonly MemorySample[]): MemorySlope {
  const used = samples.slice(Math.floor(samples.length * SETTLING))
  const hours = used.map(({ atMs }) => (atMs - used[0]!.atMs) / 3_600_000)
  const meanX = mean(hours)
  const meanY = mean(used.map(({ rssMiB }) => rssMiB))
  const spread = sum(hours.map((x) => (x - meanX) ** 2))
  const slope = sum(hours.map((x, i) => (x - meanX) * (used[i]!.rssMiB - meanY))) / spread
  const residuals = hours.map((x, i) => used[i]!.rssMiB - meanY - slope * (x - meanX))
  const independent = Math.max(3, Math.min(INDEPENDENT_SAMPLES, used.length))
  // variance of the slope as if only so many of the samples had been taken, equally spaced
  const variance = sum(residuals.map((residual) => residual ** 2)) / used.length / (independent - 2)
  const margin = 2 * Math.sqrt((variance * used.length) / spread)
  return { mibPerHour: slope, marginMibPerHour: margin, grownMiB: slope * hours.at(-1)! }
}

/** @returns whether memory clearly grew: beyond chance, and by more than a heap breathes */
export function isGrowing({ mibPerHour, marginMibPerHour, grownMiB }: MemorySlope): boolean {
  return mibPerHour > marginMibPerHour && grownMiB > TOLERATED_MIB
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]) => sum(values) / values.length
