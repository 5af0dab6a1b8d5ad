import type { Random } from '../random.js'
import type { Unit } from './split-units.js'

/**
 * Deals units to parts so that every class has its share in every part: exactly (largest-remainder rounding) where units
 * hold one example, as near as the units allow otherwise. Large units are placed first, each where it lowers
 * Σ (missing examples)² / target most; within a size the order is shuffled.
 * @param classes class of every example
 * @param shares of the parts, summing to 1; the first part gets at least one example of every class that fits it
 * @returns the part of every unit
 */
export function allocateUnits(
  units: readonly Unit[],
  classes: readonly number[],
  shares: readonly number[],
  random: Random,
): number[] {
  const classCount = classes.reduce((most, label) => Math.max(most, label + 1), 0)
  const totals = new Array<number>(classCount).fill(0)
  for (const label of classes) totals[label]!++
  const targets = totals.map((total) => quotas(total, shares)) // [class][part]
  const missing = targets.map((target) => [...target])

  const parts = new Array<number>(units.length)
  const shuffled = random.shuffle([...units.keys()]).sort((a, b) => units[b]!.length - units[a]!.length)
  for (const u of shuffled) {
    const counts = new Map<number, number>()
    for (const example of units[u]!) counts.set(classes[example]!, (counts.get(classes[example]!) ?? 0) + 1)
    let best = 0
    let bestGain = Number.NEGATIVE_INFINITY
    for (const part of shares.keys()) {
      if (shares[part] === 0) continue
      let gain = 0
      for (const [label, count] of counts) {
        gain += (2 * missing[label]![part]! * count - count * count) / Math.max(targets[label]![part]!, 0.5)
      }
      if (gain > bestGain) {
        best = part
        bestGain = gain
      }
    }
    parts[u] = best
    for (const [label, count] of counts) missing[label]![best]! -= count
  }
  return parts
}

/**
 * @returns whole numbers in the proportions of the shares that sum to the total; largest remainder, earlier parts first on
 * ties; never 0 for the first part
 */
export function quotas(total: number, shares: readonly number[]): number[] {
  const exact = shares.map((share) => share * total)
  const floors = exact.map((value) => Math.floor(value + 1e-9))
  const byRemainder = [...shares.keys()].sort((a, b) => exact[b]! - floors[b]! - (exact[a]! - floors[a]!) || a - b)
  let left = total - floors.reduce((sum, value) => sum + value, 0)
  for (const part of byRemainder) {
    if (left === 0) break
    floors[part]!++
    left--
  }
  if (floors[0] === 0 && total > 0) {
    floors[0] = 1
    floors[floors.indexOf(Math.max(...floors.slice(1)), 1)]!--
  }
  return floors
}
