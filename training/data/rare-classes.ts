/** The label that rare classes are merged into. */
export const MERGED_LABEL = 'other'

export interface ClassPlan {
  /** label → the label it becomes; labels that are dropped are absent */
  readonly renamed: ReadonlyMap<string, string>
  /** sentences for people */
  readonly warnings: readonly string[]
}

/**
 * What becomes of the classes with fewer than `minCount` examples: dropped, or merged into `other` (which is itself dropped
 * if it stays too small).
 */
export function planClasses(
  counts: Readonly<Record<string, number>>,
  minCount: number,
  rareClasses: 'drop' | 'merge',
): ClassPlan {
  const labels = Object.keys(counts).sort()
  const rare = labels.filter((label) => counts[label]! < minCount)
  const renamed = new Map(labels.filter((label) => counts[label]! >= minCount).map((label) => [label, label]))
  if (rare.length === 0) return { renamed, warnings: [] }

  const listed = rare.map((label) => `"${label}" (${counts[label]})`).join(', ')
  const rows = rare.reduce((sum, label) => sum + counts[label]!, 0)
  const merged = rows + (renamed.has(MERGED_LABEL) ? counts[MERGED_LABEL]! : 0)
  if (rareClasses === 'merge' && merged >= minCount) {
    for (const label of rare) renamed.set(label, MERGED_LABEL)
    const sentence = `classes with fewer than ${minCount} rows were merged into "${MERGED_LABEL}" (${rows} rows): ${listed}`
    return { renamed, warnings: [sentence] }
  }
  const reason = rareClasses === 'merge' ? ', which stay too few when merged,' : ''
  return {
    renamed,
    warnings: [`classes with fewer than ${minCount} rows${reason} were dropped (${rows} rows): ${listed}`],
  }
}
