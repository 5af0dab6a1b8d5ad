import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBatch, decodeLogits, encodeBatch, encodeLogits } from '../../src/serving/batch-frames.js'
import { FrameReader } from '../../src/serving/frames.js'

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const ids = fc.array(int32, { maxLength: 20 }).map((values) => Int32Array.from(values))
const batches = fc.record({
  batchId: fc.nat(),
  tier: fc.string({ unit: 'binary' }),
  width: fc.constantFrom('wide' as const, 'narrow' as const),
  sequences: fc.array(ids, { minLength: 1, maxLength: 8 }),
})

/** What a reader makes of bytes that come in pieces of these sizes, over and over. */
function readInPieces<T>(bytes: Uint8Array, sizes: readonly number[], decode: (words: Int32Array) => T): T[] {
  const read: T[] = []
  const reader = new FrameReader((words) => read.push(decode(words)))
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!
    reader.push(bytes.subarray(at, at + size))
    at += size
  }
  return read
}

const joined = (frames: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(frames))
const pieces = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 })

test('batches arrive as they were sent, however the stream cuts them', () =>
  fc.assert(
    fc.property(fc.array(batches, { minLength: 1, maxLength: 4 }), pieces, (sent, sizes) => {
      const encoded = joined(sent.map(encodeBatch))
      const wellFormed = sent.map((batch) => ({ ...batch, tier: Buffer.from(batch.tier).toString() }))
      assert.deepEqual(readInPieces(encoded, sizes, decodeBatch), wellFormed)
    }),
  ))

test('logits arrive as they were sent, times to single precision', () =>
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          batchId: fc.nat(),
          inferenceMs: fc.float({ min: 0, max: 60_000, noNaN: true }),
          logits: fc.float32Array({ noNaN: true }),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      pieces,
      (sent, sizes) => {
        const read = readInPieces(joined(sent.map(encodeLogits)), sizes, decodeLogits)
        assert.deepEqual(
          read,
          sent.map((frame) => ({ ...frame })),
        )
      },
    ),
  ))
