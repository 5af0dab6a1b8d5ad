import type { Dataset } from './dataset.js'

/**
 * Near-duplicate texts by Jaccard similarity of their word shingles, exact: prefix filtering finds every pair at or above
 * the threshold (AllPairs, Bayardo et al. 2007), since two sets that similar must share one of their rarest shingles.
 */

export interface NearDuplicateOptions {
  /** words a shingle; 3 by default */
  readonly shingleWords?: number
  /** least Jaccard similarity of two near-duplicates, in (0, 1]; 0.5 by default */
  readonly threshold?: number
}

export interface NearDuplicateLink {
  /** indices into the texts, first < second */
  readonly first: number
  readonly second: number
  /** Jaccard similarity of the shingle sets; 1 for equal words */
  readonly similarity: number
}

export interface NearDuplicates {
  /** groups of two texts or more that links connect, each sorted; indices into the texts */
  readonly groups: readonly (readonly number[])[]
  /** a spanning forest of the groups: pairs that are already connected are not listed */
  readonly links: readonly NearDuplicateLink[]
}

/** Among the texts of a dataset, as splits and audits take them. */
export function nearDuplicatesOf({ examples }: Pick<Dataset, 'examples'>): NearDuplicates {
  return findNearDuplicates(examples.map(({ text }) => text))
}

export function findNearDuplicates(texts: readonly string[], options: NearDuplicateOptions = {}): NearDuplicates {
  const { shingleWords = 3, threshold = 0.5 } = options
  const sets = rankByRarity(texts.map((text) => shinglesOf(text, shingleWords)))
  // Shortest first, so that an indexed set is never longer than the one that looks for it.
  const order = [...sets.keys()].sort((a, b) => sets[a]!.length - sets[b]!.length || a - b)
  const parents = [...sets.keys()]
  const index = new Map<number, number[]>()
  const links: NearDuplicateLink[] = []
  const seenBy = new Int32Array(sets.length).fill(-1)

  for (const current of order) {
    const set = sets[current]!
    const prefix = set.length - Math.ceil(threshold * set.length - 1e-9) + 1
    for (let i = 0; i < prefix; i++) {
      const holders = index.get(set[i]!)
      if (holders === undefined) {
        index.set(set[i]!, [current])
        continue
      }
      for (const other of holders) {
        if (seenBy[other] === current || sets[other]!.length < threshold * set.length) continue
        seenBy[other] = current
        if (rootOf(parents, other) === rootOf(parents, current)) continue
        const similarity = jaccard(set, sets[other]!)
        if (similarity < threshold) continue
        parents[rootOf(parents, other)] = rootOf(parents, current)
        links.push({ first: Math.min(current, other), second: Math.max(current, other), similarity })
      }
      holders.push(current)
    }
  }
  return { groups: groupsOf(parents), links: links.sort((a, b) => a.first - b.first || a.second - b.second) }
}

/** The words of a text for comparison: lower case, punctuation dropped. */
export function comparableWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}

/** @returns the text's distinct shingles; a text shorter than a shingle is one shingle itself */
function shinglesOf(text: string, shingleWords: number): Set<string> {
  const words = comparableWords(text)
  const shingles = new Set<string>()
  const last = Math.max(0, words.length - shingleWords)
  for (let i = 0; i <= last; i++) shingles.add(words.slice(i, i + shingleWords).join(' '))
  return shingles
}

/** Shingles as numbers in which rarer ones are smaller, each set sorted. */
function rankByRarity(sets: readonly ReadonlySet<string>[]): Int32Array[] {
  const holders = new Map<string, number>()
  for (const set of sets) for (const shingle of set) holders.set(shingle, (holders.get(shingle) ?? 0) + 1)
  const ranks = new Map<string, number>()
  for (const [shingle] of [...holders].sort(([, a], [, b]) => a - b)) ranks.set(shingle, ranks.size)
  return sets.map((set) => Int32Array.from(set, (shingle) => ranks.get(shingle)!).sort())
}

function jaccard(a: Int32Array, b: Int32Array): number {
  let shared = 0
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      shared++
      i++
      j++
    } else if (a[i]! < b[j]!) {
      i++
    } else {
      j++
    }
  }
  return shared / (a.length + b.length - shared)
}

function rootOf(parents: number[], node: number): number {
  let root = node
  while (parents[root] !== root) {
    parents[root] = parents[parents[root]!]!
    root = parents[root]!
  }
  return root
}

function groupsOf(parents: number[]): number[][] {
  const groups = new Map<number, number[]>()
  for (const node of parents.keys()) {
    const root = rootOf(parents, node)
    const group = groups.get(root)
    if (group === undefined) groups.set(root, [node])
    else group.push(node)
  }
  return [...groups.values()].filter((group) => group.length > 1).sort((a, b) => a[0]! - b[0]!)
}
