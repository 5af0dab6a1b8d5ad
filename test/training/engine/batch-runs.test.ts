import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HostTensors } from '../../../src/family/tensor.js'
import {
  cutIntoRuns,
  groupByShape,
  signatureKey,
  signaturesOf,
  stack,
  unstack,
} from '../../../training/engine/batch-runs.js'

const batch = (tokens: number, fill: number): HostTensors => ({
  ids: { shape: [2, tokens], values: new Int32Array(2 * tokens).fill(fill) },
  rate: { shape: [], values: Float32Array.of(fill / 2) },
})
const batches = fc
  .array(fc.integer({ min: 1, max: 3 }), { maxLength: 30 })
  .map((lengths) => lengths.map((tokens, index) => batch(tokens, index)))
const limits = fc.record({
  maxSteps: fc.integer({ min: 1, max: 6 }),
  maxBytes: fc.integer({ min: 1, max: 100 }),
  mixShapes: fc.boolean(),
})
const key = (one: HostTensors) => signatureKey(signaturesOf(one))

test('runs hold every batch once and in order, and only batches of one shape unless shapes may be mixed', () =>
  fc.assert(
    fc.property(batches, limits, (given, bounds) => {
      const runs = cutIntoRuns(given, bounds)
      assert.deepEqual(runs.flat(), given)
      if (!bounds.mixShapes) for (const run of runs) assert.equal(new Set(run.map(key)).size, 1)
    }),
  ))

test('a run exceeds no limit unless it holds a single batch', () =>
  fc.assert(
    fc.property(batches, limits, (given, bounds) => {
      for (const run of cutIntoRuns(given, bounds)) {
        const bytes = run.reduce((sum, { ids }) => sum + ids!.values.byteLength + 4, 0)
        assert.ok(run.length === 1 || (run.length <= bounds.maxSteps && bytes <= bounds.maxBytes))
      }
    }),
  ))

test('unstacking what was stacked gives the batches back', () => {
  const given = [batch(3, 1), batch(3, 2), batch(3, 3)]
  const stacked = stack({ signatures: signaturesOf(given[0]!), batches: given })
  assert.deepEqual(stacked.ids!.shape, [3, 2, 3])
  assert.deepEqual(unstack(stacked, 3), given)
  assert.deepEqual(stack({ signatures: signaturesOf(given[0]!), batches: [] }).ids!.shape, [0, 2, 3])
})

test('grouping by shape tells where every batch went, known shapes first', () =>
  fc.assert(
    fc.property(batches, (given) => {
      const known = [signaturesOf(batch(3, 0)), signaturesOf(batch(9, 0))]
      const { groups, shapeOf, rowOf } = groupByShape(given, known)
      assert.deepEqual(
        given.map((_, index) => groups[shapeOf[index]!]!.batches[rowOf[index]!]),
        given,
      )
      assert.deepEqual(
        groups.slice(0, 2).map(({ signatures }) => signatures),
        known,
      )
      for (const group of groups)
        for (const one of group.batches) assert.equal(key(one), signatureKey(group.signatures))
    }),
  ))

test('a signature tells shapes and types apart, not the order of names', () => {
  const { ids, rate } = batch(3, 1) as { ids: HostTensors[string]; rate: HostTensors[string] }
  assert.equal(key({ ids, rate }), key({ rate, ids }))
  assert.notEqual(key({ ids, rate }), key(batch(4, 1)))
  assert.notEqual(key({ rate }), key({ rate: { shape: [], values: Int32Array.of(1) } }))
})
