import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { comparableWords, findNearDuplicates } from '../../../training/data/near-duplicates.js'

/** Every pair compared, the definition: groups are the connected components of Jaccard >= threshold. */
function groupsByAllPairs(texts: string[], shingleWords: number, threshold: number): number[][] {
  const sets = texts.map((text) => {
    const words = comparableWords(text)
    const shingles = new Set<string>()
    for (let i = 0; i <= Math.max(0, words.length - shingleWords); i++) {
      shingles.add(words.slice(i, i + shingleWords).join(' '))
    }
    return shingles
  })
  const component = texts.map((_, i) => i)
  for (const [i, a] of sets.entries()) {
    for (const [j, b] of sets.slice(0, i).entries()) {
      const shared = [...a].filter((shingle) => b.has(shingle)).length
      if (shared / (a.size + b.size - shared) < threshold) continue
      const [from, to] = [component[i]!, component[j]!]
      for (const [k, name] of component.entries()) if (name === from) component[k] = to
    }
  }
  return [...new Set(component)]
    .map((name) => [...component.keys()].filter((i) => component[i] === name))
    .filter((group) => group.length > 1)
    .sort((a, b) => a[0]! - b[0]!)
}

test('prefix filtering finds exactly the groups that comparing every pair finds', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 }).map((words) => words.join(' '))
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 25 }),
      fc.constantFrom(1, 2, 3),
      fc.constantFrom(0.2, 0.5, 0.8, 1),
      (texts, shingleWords, threshold) => {
        const { groups } = findNearDuplicates(texts, { shingleWords, threshold })
        assert.deepEqual(groups, groupsByAllPairs(texts, shingleWords, threshold))
      },
    ),
    { numRuns: 300 },
  )
})

test('the same words in other punctuation and case have similarity 1; unrelated texts are no pair', () => {
  const { links, groups } = findNearDuplicates([
    'The court held: no.',
    'Something else altogether, with other words',
    'the COURT held – no!',
  ])
  assert.deepEqual(links, [{ first: 0, second: 2, similarity: 1 }])
  assert.deepEqual(groups, [[0, 2]])
})

test('one changed word in a long text leaves a near-duplicate with its exact similarity', () => {
  const words = Array.from({ length: 52 }, (_, i) => `w${i}`)
  const changed = words.with(25, 'changed')
  const { links } = findNearDuplicates([words.join(' '), changed.join(' ')])
  assert.equal(links.length, 1)
  assert.equal(links[0]!.similarity, 47 / 53) // 50 shingles each, three of them touch the word
})

test('no texts, or one, have no duplicates', () => {
  assert.deepEqual(findNearDuplicates([]), { groups: [], links: [] })
  assert.deepEqual(findNearDuplicates(['alone']), { groups: [], links: [] })
})
