import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Dataset } from '../../../training/data/dataset.js'
import { partition, SPLIT_NAMES, type Split, splitDataset } from '../../../training/data/split.js'
import { readSplit, writeSplit } from '../../../training/data/split-file.js'
import { makeDataset } from './make-dataset.js'
import { tableFile } from './table-file.js'

const ofLabels = (counts: Record<string, number>) =>
  makeDataset(Object.entries(counts).flatMap(([label, count]) => Array.from({ length: count }, () => ({ label }))))
const count = (dataset: Dataset, split: Split, side: 'train' | 'validation' | 'test', label: string) =>
  partition(dataset, split)[side].filter((example) => example.label === label).length
const assertPartition = (dataset: Dataset, split: Split) => {
  const ids = SPLIT_NAMES.flatMap((side) => split.ids[side])
  assert.deepEqual([...ids].sort(), dataset.examples.map(({ id }) => id).sort())
  for (const side of SPLIT_NAMES) assert.equal(split.sizes[side], split.ids[side].length)
}

test('a stratified split has every example once and every class in its share to within one example', () =>
  fc.assert(
    fc.property(fc.integer({ min: 7, max: 60 }), fc.integer({ min: 7, max: 60 }), fc.nat(1000), (a, b, seed) => {
      const dataset = ofLabels({ a, b })
      const split = splitDataset(dataset, { seed })
      assertPartition(dataset, split)
      for (const [label, total] of [
        ['a', a],
        ['b', b],
      ] as const) {
        for (const side of SPLIT_NAMES) {
          assert.ok(
            Math.abs(count(dataset, split, side, label) - split.shares[side] * total) < 1,
            `${label} in ${side}`,
          )
        }
      }
    }),
    { numRuns: 50 },
  ))

test('the same seed gives the same split, another seed another', () => {
  const dataset = ofLabels({ a: 40, b: 30 })
  assert.deepEqual(splitDataset(dataset, { seed: 3 }), splitDataset(dataset, { seed: 3 }))
  assert.notDeepEqual(splitDataset(dataset, { seed: 3 }).ids, splitDataset(dataset, { seed: 4 }).ids)
})

test('each example is as likely on the test side as its share says', () => {
  const dataset = ofLabels({ a: 20, b: 20 })
  const onTest = new Map<string, number>()
  for (let seed = 0; seed < 400; seed++) {
    for (const id of splitDataset(dataset, { seed }).ids.test) onTest.set(id, (onTest.get(id) ?? 0) + 1)
  }
  for (const { id } of dataset.examples) {
    const share = onTest.get(id)! / 400
    assert.ok(Math.abs(share - 0.15) < 0.08, `example ${id}: ${share}`)
  }
})

test('near-duplicate texts stay on one side, unless that is switched off', () => {
  const words = (from: number) => Array.from({ length: 20 }, (_, i) => `w${from + i}`).join(' ')
  const examples = Array.from({ length: 60 }, (_, i) => ({
    label: i % 2 === 0 ? 'a' : 'b',
    text: `${words(Math.floor(i / 2) * 100)} ending ${i}`,
  }))
  const dataset = makeDataset(examples)
  const sideOf = (split: Split) =>
    new Map(SPLIT_NAMES.flatMap((side) => split.ids[side].map((id) => [id, side] as const)))
  const parted = (split: Split) => {
    const sides = sideOf(split)
    return Array.from({ length: 30 }, (_, pair) => sides.get(String(2 * pair + 1)) !== sides.get(String(2 * pair + 2)))
  }
  const kept = splitDataset(dataset)
  assertPartition(dataset, kept)
  assert.ok(parted(kept).every((isParted) => !isParted))
  assert.ok(parted(splitDataset(dataset, { groupNearDuplicates: false })).some((isParted) => isParted))
})

test('a grouped split never parts a group, and comes near its shares', () =>
  fc.assert(
    fc.property(fc.array(fc.nat(25), { minLength: 120, maxLength: 200 }), fc.nat(100), (groups, seed) => {
      const dataset = makeDataset(
        groups.map((group, i) => ({ label: i % 3 === 0 ? 'a' : 'b', group: `court ${group}` })),
      )
      const split = splitDataset(dataset, { method: 'grouped', seed })
      assertPartition(dataset, split)
      const sides = partition(dataset, split)
      const groupsOf = SPLIT_NAMES.map((side) => new Set(sides[side].map(({ group }) => group)))
      for (const [i, groupsOfSide] of groupsOf.entries()) {
        for (const other of groupsOf.slice(i + 1)) for (const group of groupsOfSide) assert.ok(!other.has(group))
      }
      assert.ok(Math.abs(split.sizes.train / groups.length - 0.7) < 0.12, `${split.sizes.train} of ${groups.length}`)
    }),
    { numRuns: 30 },
  ))

test('a temporal split trains on the past only, and never parts equal times', () => {
  const dataset = makeDataset(
    Array.from({ length: 200 }, (_, i) => ({ label: i % 2 === 0 ? 'a' : 'b', time: 1950 + ((i * 37) % 50) })),
  )
  const split = splitDataset(dataset, { method: 'temporal' })
  assertPartition(dataset, split)
  const { train, validation, test: latest } = partition(dataset, split)
  const times = (side: typeof train) => side.map(({ time }) => time!)
  assert.ok(Math.max(...times(train)) < Math.min(...times(validation)))
  assert.ok(Math.max(...times(validation)) < Math.min(...times(latest)))
  assert.deepEqual(split.sizes, { train: 140, validation: 28, test: 32 })
})

test('a duplicate of a later text goes to the later side', () => {
  const text = 'the very same facts of a case that came back to the court'
  const examples = Array.from({ length: 40 }, (_, i) => ({
    label: i % 2 === 0 ? 'a' : 'b',
    time: i,
    ...(i === 0 || i === 39 ? { text } : {}),
  }))
  const { ids } = splitDataset(makeDataset(examples), { method: 'temporal' })
  assert.ok(ids.test.includes('1') && ids.test.includes('40'))
})

test('a class that training would lack is an error that names it; one that the test lacks is a warning', () => {
  const late = makeDataset(
    Array.from({ length: 40 }, (_, i) => ({ label: i < 36 ? (i % 2 === 0 ? 'a' : 'b') : 'c', time: i })),
  )
  assert.throws(() => splitDataset(late, { method: 'temporal' }), {
    code: 'DATA_INVALID',
    message: /training side of the temporal split has no example of "c" \(4 in all\)/,
  })
  const { warnings, ids } = splitDataset(ofLabels({ a: 40, b: 40, rare: 1 }))
  assert.ok(ids.train.includes('81'))
  assert.match(warnings.join(), /test side of the split has no example of "rare" \(1 in all\)/)
})

test('shares that do not sum to 1, empty sides and methods without their column are refused', () => {
  const dataset = ofLabels({ a: 20, b: 20 })
  const bad = { train: 0.7, validation: 0.2, test: 0.2 }
  assert.throws(() => splitDataset(dataset, { shares: bad }), { code: 'INVALID_CONFIGURATION' })
  assert.throws(() => splitDataset(dataset, { method: 'temporal' }), { code: 'COLUMN_NOT_FOUND' })
  assert.throws(() => splitDataset(dataset, { method: 'grouped' }), { code: 'COLUMN_NOT_FOUND' })
  assert.throws(() => splitDataset(ofLabels({ a: 1, b: 1 })), {
    code: 'DATA_INVALID',
    message: /validation side .* empty/,
  })
  assert.equal(splitDataset(dataset, { shares: { train: 0.5, validation: 0.5, test: 0 } }).sizes.test, 0)
})

test('a split comes back from its file; another data file, label column or an altered split is refused', async (context) => {
  const dataset = ofLabels({ a: 20, b: 20 })
  const split = splitDataset(dataset)
  const file = await tableFile(context, 'split.json', '')
  await writeSplit(file, split)
  assert.deepEqual(await readSplit(file, dataset), split)
  const refused = (message: RegExp) => ({ code: 'DATA_INVALID', message })
  await assert.rejects(
    readSplit(file, { ...dataset, sha256: 'b'.repeat(64) }),
    refused(/SHA-256 a+, cases\.csv has b+;/),
  )
  await assert.rejects(
    readSplit(file, { ...dataset, labelColumn: 'area' }),
    refused(/label column "winner", not "area"/),
  )
  await assert.rejects(
    readSplit(file, { ...dataset, examples: dataset.examples.slice(1) }),
    refused(/is not in the dataset/),
  )
  const written = JSON.parse(await readFile(file, 'utf8'))
  written.ids.test.push(written.ids.train[0])
  await writeFile(file, JSON.stringify(written))
  await assert.rejects(readSplit(file, dataset), refused(/on two sides/))
  written.ids.test = []
  await writeFile(file, JSON.stringify(written))
  await assert.rejects(readSplit(file, dataset), refused(/6 examples are on no side/))
  await writeFile(file, JSON.stringify({ ...written, method: 'lucky' }))
  await assert.rejects(readSplit(file, dataset), refused(/no split file of version 1: \/method/))
  await writeFile(file, 'nothing')
  await assert.rejects(readSplit(file, dataset), refused(/it is no split file/))
})
