/** What `npm run soak` reports, as JSON, as a table, and as a verdict. Pure. */
import { type Placement, placementLine } from '../host/placement.js'
import type { DurationPercentiles } from '../load/percentile.js'
import { textTable } from '../output/text-table.js'
import type { BenchResult } from '../output/write-result.js'
import { isGrowing, type MemorySlope, TOLERATED_MIB } from './memory-slope.js'
import type { SoakCounts } from './soak-answers.js'

export interface SoakReload {
  readonly atMinutes: number
  readonly family: string
  /** until the new version answered; null when it did not in time */
  readonly tookMs: number | null
}

export interface SoakMemory {
  readonly rssMiB: { readonly start: number; readonly end: number; readonly most: number }
  /** null where the run was too short to judge */
  readonly slope: MemorySlope | null
}

export interface SoakResult extends BenchResult {
  readonly bench: 'soak'
  readonly placement: Placement
  readonly families: readonly string[]
  readonly options: { readonly minutes: number; readonly load: number; readonly seed: number }
  /** turns a second of a closed loop, before; a turn is a request, a stream or a caller that leaves */
  readonly capacityPerSecond: number
  readonly turns: { readonly sent: number; readonly disconnected: number; readonly heldBack: number }
  readonly counts: SoakCounts
  /** of turns, from the intended send; streams included */
  readonly latency: DurationPercentiles
  readonly liveFailed: number
  readonly reloads: readonly SoakReload[]
  /** of the main process, and of all that it has started: engines, and API processes where there are several */
  readonly memory: { readonly api: SoakMemory; readonly engines: SoakMemory }
  /** of the server, when it was ready and at the end */
  readonly processes: { readonly start: number; readonly end: number }
}

/** @returns a sentence for each promise that was not kept; nothing here is about speed */
export function soakFaults({
  counts,
  reloads,
  memory,
  processes,
  liveFailed,
}: Omit<SoakResult, 'environment' | 'placement'>): string[] {
  const faults = Object.entries(counts.failed).map(([code, count]) => `${count} requests ended with ${code}`)
  if (counts.answered === 0) faults.push('nothing was answered')
  if (liveFailed > 0) faults.push(`/health/live failed ${liveFailed} times`)
  for (const { family, atMinutes, tookMs } of reloads) {
    if (tookMs === null)
      faults.push(`the reload of "${family}" after ${atMinutes.toFixed(1)} minutes did not come through`)
  }
  for (const [name, { slope }] of Object.entries(memory)) {
    if (slope && isGrowing(slope)) {
      faults.push(
        `memory of ${NAMES[name as keyof typeof NAMES]} grows by ${slope.low.toFixed(0)} MiB an hour at least`,
      )
    }
  }
  if (processes.end > processes.start) faults.push(`${processes.start} processes have become ${processes.end}`)
  return faults
}

const NAMES = { api: 'the main process', engines: 'all other processes' } as const

export function soakTable(result: SoakResult): string {
  const { placement, families, options, capacityPerSecond, turns, counts, latency, reloads, memory, processes } = result
  const faults = soakFaults(result)
  const times = reloads.flatMap(({ tookMs }) => tookMs ?? []).map((ms) => (ms / 1_000).toFixed(1))
  return [
    `${families.join(', ')}; ${options.minutes} minutes at ${(100 * options.load).toFixed(0)}% of ${capacityPerSecond.toFixed(1)} turns a second`,
    placementLine(placement),
    textTable(
      ['turns', 'disconnected', 'held back', 'answered', 'refused', 'failed', 'p50 ms', 'p99 ms'],
      [
        [
          ...[turns.sent, turns.disconnected, turns.heldBack, counts.answered],
          ...[total(counts.refused), total(counts.failed), latency.p50Ms, latency.p99Ms],
        ],
      ],
    ),
    '',
    textTable(
      ['resident MiB', 'start', 'end', 'most', 'slope an hour', '95% interval', 'judged over'],
      Object.entries(memory).map(([name, { rssMiB, slope }]) => [
        NAMES[name as keyof typeof NAMES],
        ...[rssMiB.start, rssMiB.end, rssMiB.most].map(Math.round),
        slope ? slope.mibPerHour.toFixed(1) : '–',
        slope ? `${slope.low.toFixed(1)} to ${slope.high.toFixed(1)}` : '–',
        slope ? `${(60 * slope.hours).toFixed(1)} min` : 'too short',
      ]),
    ),
    '',
    `reloads: ${reloads.length}${times.length > 0 ? `, s: ${times.join(', ')}` : ''}; processes: ${processes.start}, at the end ${processes.end}`,
    ...Object.entries(counts.refused).map(([code, count]) => `refused: ${count} ${code}`),
    `growth that is tolerated: ${TOLERATED_MIB} MiB over the time judged, by the lower bound`,
    faults.length > 0 ? `FAILED: ${faults.join('; ')}` : 'passed',
  ].join('\n')
}

const total = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)
