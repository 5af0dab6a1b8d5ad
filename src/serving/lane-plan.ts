/**
 * Which tiers share engines, and how the operating system weighs one engine against another. A run cannot be stopped, but the
 * operating system can: with the cheapest tier of each family on engines of its own and a higher priority, a run of a more
 * accurate tier gives way to it at once and goes on when it is done. On two CPUs, beside a teacher that never rested, the p99 of the
 * fast tier stayed what it was alone (11.6 and 16.9 ms), where at equal priority it rose to 23.4.
 */
import type { TierName } from '../family/family-schema.js'
import type { Family } from '../family/load-family.js'

export interface LanePlan {
  /** for the log */
  readonly name: 'all' | 'express' | 'background'
  /** of its engines, 0 to 19; who schedules or answers HTTP stays at 0, so that answers, health and refusals are never late for want of CPU */
  readonly niceness: number
  /** once loaded they run only when nothing else wants the CPU, where the operating system has a class for that */
  readonly onlyWhenIdle?: boolean
  /** how long a thread that waits for the others of its engine keeps its CPU, µs; ONNX Runtime's choice unless told otherwise */
  readonly spinUs?: number
  holds(family: Family, tier: TierName): boolean
}

export const REQUESTED_LANES = ['auto', '1', '2'] as const
/** `auto`: two where priority decides who runs, one elsewhere */
export type RequestedLanes = (typeof REQUESTED_LANES)[number]

export interface LaneFacts {
  readonly requested: RequestedLanes
  /** whether engines can only be on CPUs */
  readonly onCpu: boolean
  /** whether a control group gives less time than there are CPUs: one lane would then spend what the other is to have */
  readonly throttled: boolean
  readonly families: readonly Family[]
}

const SHARED: LanePlan = { name: 'all', niceness: 10, holds: () => true }
const LANES: readonly LanePlan[] = [
  // a waiting thread that kept its CPU would keep it from the other lane
  { name: 'express', niceness: 7, spinUs: 50, holds: isCheapest },
  { name: 'background', niceness: 19, onlyWhenIdle: true, holds: (family, tier) => !isCheapest(family, tier) },
]

export function planLanes({ requested, onCpu, throttled, families }: LaneFacts): readonly LanePlan[] {
  const worthwhile = families.some(({ manifest }) => manifest.tiers.length > 1)
  const wanted = requested === '2' || (requested === 'auto' && onCpu && !throttled)
  return wanted && worthwhile ? LANES : [SHARED]
}

/** @returns the family as the lane's engines load it; undefined when the lane holds none of its tiers */
export function familyOfLane(family: Family, lane: LanePlan): Family | undefined {
  const tiers = family.manifest.tiers.filter(({ tier }) => lane.holds(family, tier))
  if (tiers.length === family.manifest.tiers.length) return family
  return tiers.length === 0 ? undefined : { ...family, manifest: { ...family.manifest, tiers } }
}

function isCheapest({ manifest }: Family, tier: TierName): boolean {
  return manifest.tiers.at(-1)!.tier === tier
}
