import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditLeaks } from '../../../training/data/leak-audit.js'
import { splitDataset } from '../../../training/data/split.js'
import { createRandom } from '../../../training/random.js'
import { makeDataset } from './make-dataset.js'

const random = createRandom(9)
const labels = Array.from({ length: 300 }, () => (random.next() < 0.65 ? 'wins' : 'loses'))
const noisy = (share: number, yes: string, no: string) =>
  labels.map((label) => ((label === 'wins') === random.next() < share ? yes : no))
const examples = labels.map((label) => ({ label }))

test('a column that gives the label away is a leak, with its figures; chance and identifiers are silent', () => {
  const dataset = makeDataset(examples, {
    disposition: noisy(0.96, 'reversed', 'affirmed'),
    votes: labels.map((label) => (label === 'wins' ? 5 + 4 * random.next() : 4 * random.next()).toFixed(3)),
    coin: labels.map(() => (random.next() < 0.5 ? 'heads' : 'tails')),
    docket: labels.map((_, i) => `70-${i}`),
    year: labels.map(() => String(1950 + random.integer(60))),
  })
  const { columns, sentences } = auditLeaks(dataset)
  const find = (name: string) => columns.find(({ column }) => column === name)!
  assert.equal(find('disposition').level, 'leak')
  assert.ok(find('disposition').accuracy > 0.92 && find('disposition').majorityRate < 0.72)
  assert.deepEqual([find('votes').level, find('votes').reading], ['leak', 'numeric'])
  for (const name of ['coin', 'docket', 'year']) assert.equal(find(name).level, 'silent', name)
  assert.match(
    sentences.join('\n'),
    /leak: column "disposition" alone predicts "winner" at 9\d\.\d% \(majority \d\d\.\d%\)/,
  )
  assert.match(sentences.join('\n'), /columns never used as features: .*disposition/)
})

test('a leak among the prefix columns is told to be taken out', () => {
  const dataset = makeDataset(examples, { disposition: noisy(0.96, 'reversed', 'affirmed') })
  const { sentences } = auditLeaks({ ...dataset, prefixColumns: ['disposition'] })
  assert.match(sentences[0]!, /is part of the texts: take it out/)
})

test('a word that gives the label away is named; a topic word is not', () => {
  const dataset = makeDataset(
    labels.map((label, i) => ({
      label,
      text: `${label === 'wins' ? 'dismissed' : 'granted'} fact${i} ${i % 3 === 0 ? 'tax' : 'speech'}`,
    })),
  )
  const { words } = auditLeaks(dataset)
  assert.deepEqual(new Set(words.map(({ word }) => word)), new Set(['dismissed', 'granted']))
  assert.equal(words[0]!.accuracy, 1)
})

test('near-duplicates on two sides are named with rows and sides; same texts with other labels are conflicts', () => {
  const text = 'the same long facts of the same case that came to the court twice'
  const doubled = labels
    .slice(0, 100)
    .flatMap((label, i) => [{ label, text: `${text} ${i} ${i + 1000} x${i} y${i} z${i} u${i} v${i} w${i}` }])
  const dataset = makeDataset([
    { label: 'wins', text },
    { label: 'loses', text: text.toUpperCase() },
    ...doubled.map(({ label }) => ({ label })),
  ])
  const { conflicts, duplicates, acrossSides } = auditLeaks(dataset)
  assert.deepEqual(
    conflicts.map(({ members }) => members.map(({ row }) => row)),
    [[1, 2]],
  )
  assert.equal(duplicates.length, 1)
  assert.deepEqual(acrossSides, [])

  const seeds = [...Array(20).keys()]
  const parted = seeds
    .map((seed) => auditLeaks(dataset, splitDataset(dataset, { seed, groupNearDuplicates: false })))
    .find((audit) => audit.acrossSides.length > 0)!
  assert.match(
    parted.sentences.join('\n'),
    /near-duplicate texts on several sides of the split \(similarity 1\.00\): rows 1 \(/,
  )
  const kept = auditLeaks(dataset, splitDataset(dataset, { seed: 1 }))
  assert.deepEqual(kept.acrossSides, [])
  assert.match(kept.sentences.join('\n'), /2 texts in 1 group of near-duplicates; none spans two sides/)
})
