import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dealOut, interleave, shareConnections } from '../../../bench/load/share-load.js'

const parts = fc.integer({ min: 1, max: 9 })

test('what is dealt out is together exactly what it was, in its order, and no part has two more than another', () =>
  fc.assert(
    fc.property(fc.array(fc.double()), parts, (items, count) => {
      const dealt = dealOut(items, count)
      assert.equal(dealt.length, count)
      assert.deepEqual(interleave(dealt), items)
      const lengths = dealt.map(({ length }) => length)
      assert.ok(Math.max(...lengths) - Math.min(...lengths) <= 1)
    }),
  ))

test('each part of ascending arrivals is ascending', () =>
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true })), parts, (items, count) => {
      const ascending = items.sort((a, b) => a - b)
      for (const part of dealOut(ascending, count)) assert.ok(part.every((at, i) => i === 0 || at >= part[i - 1]!))
    }),
  ))

test('connections are shared as evenly as they can be, none lost or added', () =>
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 500 }), parts, (connections, count) => {
      const shares = shareConnections(connections, count)
      assert.equal(shares.length, count)
      assert.equal(
        shares.reduce((a, b) => a + b, 0),
        connections,
      )
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1)
      assert.ok(shares.every((share) => share >= 0))
    }),
  ))
