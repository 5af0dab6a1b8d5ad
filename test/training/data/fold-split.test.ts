import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Example } from '../../../training/data/dataset.js'
import { type Fold, foldSplits } from '../../../training/data/fold-split.js'
import { makeDataset } from './make-dataset.js'

function examplesOf(labels: readonly string[], groups: readonly string[] = []): readonly Example[] {
  return makeDataset(labels.map((label, i) => ({ label, ...(groups[i] === undefined ? {} : { group: groups[i]! }) })))
    .examples
}

const shareOf = (label: string, side: readonly number[], examples: readonly Example[]) =>
  side.filter((i) => examples[i]!.label === label).length / side.length

test('every example is tested in exactly one fold, and trained on or validated in all others', () =>
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'a', 'b'), { minLength: 80, maxLength: 160 }),
      fc.integer({ min: 2, max: 7 }),
      fc.nat(100),
      (labels, count, seed) => {
        fc.pre(labels.filter((label) => label === 'b').length >= 12)
        const examples = examplesOf(labels)
        const folds = foldSplits(examples, { count, seed, validation: 0.2 })
        const everything = [...examples.keys()]
        assert.deepEqual(
          folds.flatMap(({ test }) => test).sort((a, b) => a - b),
          everything,
        )
        for (const { train, validation, test } of folds) {
          assert.deepEqual(
            [...train, ...validation, ...test].sort((a, b) => a - b),
            everything,
          )
          assert.ok(Math.abs(test.length - examples.length / count) <= 2)
          assert.ok(Math.abs(validation.length - 0.2 * (examples.length - test.length)) <= 2)
        }
      },
    ),
    { numRuns: 30 },
  ))

test('classes keep their shares in every side, and seeds decide the folds', () => {
  const examples = examplesOf(Array.from({ length: 500 }, (_, i) => (i % 4 === 0 ? 'rare' : 'common')))
  const folds = foldSplits(examples, { count: 5, seed: 1, validation: 0.15 })
  for (const fold of folds) {
    for (const side of Object.values(fold)) assert.ok(Math.abs(shareOf('rare', side, examples) - 0.25) < 0.02)
  }
  assert.deepEqual(foldSplits(examples, { count: 5, seed: 1, validation: 0.15 }), folds)
  assert.notDeepEqual(foldSplits(examples, { count: 5, seed: 2, validation: 0.15 }), folds)
})

test('neither near-duplicates nor the examples of one group are parted', () => {
  const labels = Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? 'a' : 'b'))
  const examples = examplesOf(
    labels,
    labels.map((_, i) => `court ${i % 20}`),
  )
  const sideOf = (fold: Fold, i: number) => Object.values(fold).findIndex((side) => side.includes(i))
  const duplicates = Array.from({ length: 40 }, (_, i) => [i, 199 - i])
  for (const fold of foldSplits(examples, { count: 4, seed: 3, validation: 0.2, groups: duplicates })) {
    for (const [a, b] of duplicates) assert.equal(sideOf(fold, a!), sideOf(fold, b!))
  }
  for (const fold of foldSplits(examples, { count: 4, seed: 3, validation: 0.2, byGroup: true })) {
    for (let court = 0; court < 20; court++) {
      const sides = new Set(Array.from({ length: 10 }, (_, k) => sideOf(fold, court + 20 * k)))
      assert.equal(sides.size, 1)
    }
  }
})

test('too many folds, and a class that a training side would lack, are refused by name', () => {
  const examples = examplesOf([...new Array<string>(20).fill('a'), ...new Array<string>(20).fill('b'), 'lonely'])
  assert.throws(() => foldSplits(examples, { count: 1, seed: 1, validation: 0.2 }), { code: 'INVALID_CONFIGURATION' })
  assert.throws(() => foldSplits(examples, { count: 42, seed: 1, validation: 0.2 }), {
    code: 'INVALID_CONFIGURATION',
    message: /from 2 to 41/,
  })
  assert.throws(() => foldSplits(examples, { count: 4, seed: 1, validation: 0.2 }), {
    code: 'DATA_INVALID',
    message: /fold \d of 4: its training side has no example of "lonely"/,
  })
  assert.throws(() => foldSplits(examples.slice(0, 40), { count: 4, seed: 1, validation: 1 }), {
    code: 'INVALID_CONFIGURATION',
  })
})
