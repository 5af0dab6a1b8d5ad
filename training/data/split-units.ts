import type { Example } from './dataset.js'

/** Examples that must stay on one side of a split; indices into the examples, ascending. */
export type Unit = readonly number[]

/**
 * The units of a split: examples of one group, and the members of one near-duplicate group, are inseparable; all others
 * are units of one. In the order of their first example.
 */
export function splitUnits(
  examples: readonly Example[],
  duplicateGroups: readonly (readonly number[])[],
  byGroup: boolean,
): Unit[] {
  const parents = [...examples.keys()]
  const rootOf = (node: number): number => {
    while (parents[node] !== node) {
      parents[node] = parents[parents[node]!]!
      node = parents[node]!
    }
    return node
  }
  const join = (a: number, b: number) => {
    // The smaller index stays the root, so that units keep the order of their first example.
    const [low, high] = [rootOf(a), rootOf(b)].sort((x, y) => x - y) as [number, number]
    parents[high] = low
  }
  for (const [first, ...rest] of duplicateGroups) for (const other of rest) join(first!, other)
  if (byGroup) {
    const firstOfGroup = new Map<string, number>()
    for (const [i, { group }] of examples.entries()) {
      if (group === undefined) continue
      const first = firstOfGroup.get(group)
      if (first === undefined) firstOfGroup.set(group, i)
      else join(first, i)
    }
  }
  const units = new Map<number, number[]>()
  for (const i of examples.keys()) {
    const unit = units.get(rootOf(i))
    if (unit === undefined) units.set(rootOf(i), [i])
    else unit.push(i)
  }
  return [...units.values()]
}
