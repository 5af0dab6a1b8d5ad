/**
 * Are processes growing? Theil and Sen's slope of what they hold at least, and its 95% interval after Kendall. Slopes are
 * taken within each process and pooled, as the seasonal Kendall estimator pools seasons (Hirsch, Slack and Smith 1982), so
 * that engines which come and go with reloads are no growth. Pure.
 */

export interface MemorySample {
  readonly atMs: number
  readonly rssMiB: number
}

export interface MemorySlope {
  readonly mibPerHour: number
  /** bounds of the 95% interval, MiB an hour */
  readonly low: number
  readonly high: number
  /** what the bounds mean over the longest life that was judged, hours */
  readonly hours: number
}

/** Of each process' life, left out: caches fill, the heap finds its size. */
const SETTLING = 0.25
/** A heap breathes between two collections: each block of the time counts with the least that it saw. */
const BLOCKS = 24
const Z_95 = 1.96
/** Less growth than this, over what was judged of a process' life, is not told from a heap that finds its size. */
export const TOLERATED_MIB = 24

/**
 * @param processes readings of each, ascending in time
 * @returns undefined where there is too little to judge: fewer than six blocks in every process
 */
export function memorySlope(processes: readonly (readonly MemorySample[])[]): MemorySlope | undefined {
  const times = processes.flatMap((samples) => samples.map(({ atMs }) => atMs))
  const blockMs =
    (times.reduce((a, b) => Math.max(a, b), 0) - times.reduce((a, b) => Math.min(a, b), Infinity)) / BLOCKS
  const floors = processes.map((samples) => floorsOf(settled(samples), blockMs)).filter(({ length }) => length >= 2)
  const slopes = floors.flatMap(pairwiseSlopes).sort((a, b) => a - b)
  // the pairs of six blocks: the least from which an interval follows
  if (slopes.length < 15) return undefined
  // variance of Kendall's S: of each process, then their sum
  const variance = floors.reduce((sum, { length: n }) => sum + (n * (n - 1) * (2 * n + 5)) / 18, 0)
  const halfWidth = (Z_95 * Math.sqrt(variance)) / 2
  const at = (rank: number) => slopes[Math.min(slopes.length - 1, Math.max(0, rank))]!
  const middle = slopes.length / 2
  return {
    mibPerHour: (at(Math.ceil(middle) - 1) + at(Math.floor(middle))) / 2,
    low: at(Math.floor(middle - halfWidth) - 1),
    high: at(Math.ceil(middle + halfWidth)),
    hours: floors.reduce((longest, blocks) => Math.max(longest, blocks.at(-1)!.atMs - blocks[0]!.atMs), 0) / 3_600_000,
  }
}

/** @returns whether memory clearly grew: even by the interval's lower bound, more than a heap that finds its size */
export function isGrowing({ low, hours }: MemorySlope): boolean {
  return low * hours > TOLERATED_MIB
}

function settled(samples: readonly MemorySample[]): readonly MemorySample[] {
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last) return []
  const fromMs = first.atMs + SETTLING * (last.atMs - first.atMs)
  return samples.filter(({ atMs }) => atMs >= fromMs)
}

/** The least of each block of time, in the middle of the block. */
function floorsOf(samples: readonly MemorySample[], blockMs: number): MemorySample[] {
  const floors = new Map<number, MemorySample>()
  for (const { atMs, rssMiB } of samples) {
    const block = Math.floor((atMs - samples[0]!.atMs) / blockMs)
    const least = Math.min(rssMiB, floors.get(block)?.rssMiB ?? Infinity)
    floors.set(block, { atMs: (block + 0.5) * blockMs, rssMiB: least })
  }
  return [...floors.values()]
}

/** MiB an hour between every two. */
function pairwiseSlopes(points: readonly MemorySample[]): number[] {
  return points.flatMap((to, i) =>
    points.slice(0, i).map((from) => (3_600_000 * (to.rssMiB - from.rssMiB)) / (to.atMs - from.atMs)),
  )
}
