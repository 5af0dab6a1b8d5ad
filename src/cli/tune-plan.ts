/** Which layouts `lextier tune` tries, and which of them is best for what. Pure. */
import type { TierName } from '../family/family-schema.js'
import { type EngineLayout, MOST_ENGINES } from '../serving/cpu-quota.js'
import type { RequestedLanes } from '../serving/lane-plan.js'

/** What one tier did under one layout. */
export interface TierMeasurement {
  readonly tier: TierName
  /** of a lone request, median */
  readonly idleMs: number
  readonly textsPerSecond: number
}

export interface LayoutMeasurement extends EngineLayout {
  readonly tiers: readonly TierMeasurement[]
  /** of a lone request of the cheapest tier while each other tier always has one, median; undefined where only one is measured */
  readonly besideMs?: number
}

export const TUNING_GOALS = ['latency', 'throughput', 'balanced'] as const
export type TuningGoal = (typeof TUNING_GOALS)[number]

/** Two layouts this close in what is asked for are told apart by the rest. */
const ALIKE = 0.03

/**
 * Every thread count that is a power of two, and all CPUs, each with one engine and with as many as fit.
 * @param cpus the quota; a fraction of a CPU is none, but for the first
 * @returns layouts that never ask for more threads than there are CPUs, one engine first
 */
export function candidateLayouts(cpus: number): EngineLayout[] {
  const whole = Math.max(1, Math.floor(cpus))
  const layouts: EngineLayout[] = []
  const add = (engines: number, threads: number) => {
    if (!layouts.some((known) => known.engines === engines && known.threads === threads))
      layouts.push({ engines, threads })
  }
  const threadCounts: number[] = []
  for (let threads = 1; threads < whole; threads *= 2) threadCounts.push(threads)
  threadCounts.push(whole)
  for (const threads of threadCounts) add(1, threads)
  for (const threads of threadCounts) add(Math.min(MOST_ENGINES, Math.floor(whole / threads)), threads)
  return layouts
}

/**
 * - latency: the shortest lone requests
 * - throughput: the most texts a second
 * - balanced: the best product of both
 *
 * Each tier counts alike, by its ratio to the others under another layout (the geometric mean over tiers); so does, among lone
 * requests, the cheapest tier's beside the others.
 * @param measured at least one, each with the same tiers
 */
export function bestLayout(measured: readonly LayoutMeasurement[], goal: TuningGoal): LayoutMeasurement {
  const speed = ({ tiers, besideMs }: LayoutMeasurement) =>
    -meanLog([...tiers.map(({ idleMs }) => idleMs), ...(besideMs === undefined ? [] : [besideMs])])
  const rate = ({ tiers }: LayoutMeasurement) => meanLog(tiers.map(({ textsPerSecond }) => textsPerSecond))
  const [first, second] = {
    latency: [speed, rate],
    throughput: [rate, speed],
    balanced: [(layout: LayoutMeasurement) => speed(layout) + rate(layout), speed],
  }[goal] as [typeof speed, typeof speed]
  const most = Math.max(...measured.map(first))
  const close = measured.filter((layout) => first(layout) >= most - ALIKE)
  return close.reduce((best, layout) => (second(layout) > second(best) ? layout : best))
}

function meanLog(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum + Math.log(Math.max(Number.MIN_VALUE, amount)), 0) / amounts.length
}

/** What `--output` writes: environment variables that serve reads, for `--env-file` and its like. */
export function environmentFile({ engines, threads }: EngineLayout, lanes: RequestedLanes, goal: TuningGoal): string {
  const variables = { LEXTIER_ENGINES: engines, LEXTIER_THREADS: threads, LEXTIER_LANES: lanes }
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`)
  return `# lextier tune, for ${goal}\n${lines.join('')}`
}
