import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { maskedBatch, placesOf, unigramBaseline } from '../../../training/data/corpus-masking.js'
import { createRandom } from '../../../training/random.js'

const [PAD, CLS, SEP, MASK, VOCABULARY] = [0, 2, 3, 4, 60]
const options = {
  share: 0.15,
  maskId: MASK,
  padId: PAD,
  specialIds: new Set([PAD, 1, CLS, SEP, MASK]),
  vocabSize: VOCABULARY,
}
const sequence = fc
  .array(fc.integer({ min: 5, max: VOCABULARY - 1 }), { maxLength: 38 })
  .map((ids) => Int32Array.of(CLS, ...ids, SEP))

test('a masked batch hides text only, tells what stood there, and has the shape of its padded length', () =>
  fc.assert(
    fc.property(fc.array(sequence, { minLength: 1, maxLength: 5 }), fc.nat(1000), (sequences, seed) => {
      const batch = maskedBatch(sequences, 40, options, createRandom(seed))
      assert.deepEqual(batch.maskedPositions!.shape, [sequences.length, 6])
      for (const [row, original] of sequences.entries()) {
        const of = (name: string) => [...batch[name]!.values.slice(row * 6, row * 6 + 6)]
        const read = batch.inputIds!.values.slice(row * 40, row * 40 + 40)
        const count = Math.min(original.length - 2, Math.max(1, Math.round(0.15 * original.length)))
        assert.deepEqual(of('maskedWeights'), [1, 1, 1, 1, 1, 1].fill(0, count))
        const positions = of('maskedPositions').slice(0, count)
        assert.equal(new Set(positions).size, count)
        for (const [place, position] of positions.entries()) {
          assert.equal(of('maskedIds')[place], original[position])
          assert.ok(position > 0 && position < original.length - 1)
          assert.ok(read[position] === MASK || read[position]! >= 5)
        }
        for (const [position, id] of original.entries()) {
          if (!positions.includes(position)) assert.equal(read[position], id)
        }
      }
    }),
    { numRuns: 60 },
  ))

test('of the chosen places eight in ten are masked, one is another token and one is as it was; all are chosen alike', () => {
  const original = Int32Array.from({ length: 402 }, (_, i) => (i === 0 ? CLS : i === 401 ? SEP : 5 + (i % 55)))
  const kinds = { masked: 0, replaced: 0, kept: 0 }
  const halves = [0, 0]
  for (let seed = 0; seed < 100; seed++) {
    const { inputIds, maskedPositions } = maskedBatch([original], 402, options, createRandom(seed))
    for (const position of maskedPositions!.values) {
      const id = inputIds!.values[position]
      kinds[id === MASK ? 'masked' : id === original[position] ? 'kept' : 'replaced']++
      halves[Number(position > 200)]!++
    }
  }
  const total = 100 * placesOf(402, 0.15)
  assert.equal(kinds.masked + kinds.replaced + kinds.kept, total)
  assert.ok(Math.abs(kinds.masked / total - 0.8) < 0.02, JSON.stringify(kinds))
  assert.ok(Math.abs(kinds.replaced / total - 0.1) < 0.015, JSON.stringify(kinds))
  assert.ok(Math.abs(halves[0]! / total - 0.5) < 0.02, String(halves))
})

test('equal seeds mask alike, others otherwise', () => {
  const sequences = [Int32Array.from({ length: 40 }, (_, i) => (i === 0 ? CLS : i === 39 ? SEP : 5 + i))]
  const masked = (seed: number) => maskedBatch(sequences, 64, options, createRandom(seed))
  assert.deepEqual(masked(4), masked(4))
  assert.notDeepEqual(masked(4), masked(5))
})

test('the unigram baseline is the cross-entropy of the training frequencies, special tokens left out', () => {
  const train = [Int32Array.of(CLS, 5, 5, 5, 6, SEP)]
  const validation = [Int32Array.of(CLS, 5, 7, SEP)]
  const small = { specialIds: options.specialIds, vocabSize: 8 } // ids 5, 6 and 7 are text
  const { nll, accuracy } = unigramBaseline(train, validation, small)
  assert.ok(Math.abs(nll - -(Math.log(4 / 7) + Math.log(1 / 7)) / 2) < 1e-12)
  assert.equal(accuracy, 0.5)
  assert.throws(() => unigramBaseline(train, [Int32Array.of(CLS, SEP)], small), { code: 'SHAPE_MISMATCH' })
})
