import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attributionSimilarity, cosineSimilarity, l2Normalised } from '../../../training/attribution/similarity.js'

test('the similarity is the mean of the texts’ cosines, whatever the scale of either model', () => {
  const teacher = [
    [0, 3, 4, 0],
    [0, 1, 0, 0],
    [0, 1, 1],
  ]
  const student = [
    [0, 30, 40, 0],
    [0, 0, 2, 0],
    [0, -5, -5],
  ]
  const { similarity, texts, skipped } = attributionSimilarity(teacher, student)
  assert.ok(Math.abs(similarity.value - (1 + 0 - 1) / 3) < 1e-12)
  assert.deepEqual([texts, skipped], [3, 0])
  assert.ok(similarity.low >= -1 - 1e-12 && similarity.low < similarity.value)
  assert.ok(similarity.high <= 1 + 1e-12 && similarity.high > similarity.value)
})

test('texts that one model gives no attributions are left out and counted', () => {
  const { similarity, texts, skipped } = attributionSimilarity(
    [
      [0, 0],
      [0, 1],
      [2, 2],
    ],
    [
      [1, 1],
      [0, 0],
      [1, 1],
    ],
  )
  assert.ok(Math.abs(similarity.value - 1) < 1e-12)
  assert.deepEqual([texts, skipped], [1, 2])
})

test('other texts, other tokens, or nothing to compare are refused', () => {
  assert.throws(() => attributionSimilarity([[1]], []), { code: 'SHAPE_MISMATCH' })
  assert.throws(() => attributionSimilarity([[1, 2]], [[1]]), { code: 'SHAPE_MISMATCH', message: /same tokenizer/ })
  assert.throws(() => attributionSimilarity([[0]], [[1]]), { code: 'SHAPE_MISMATCH', message: /no text/ })
})

test('normalising keeps the direction and gives length 1', () => {
  const vectors = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(vectors, (vector) => {
      fc.pre(Math.hypot(...vector) > 1e-6)
      const unit = l2Normalised(vector)
      assert.ok(Math.abs(Math.hypot(...unit) - 1) < 1e-9)
      assert.ok(Math.abs(cosineSimilarity(unit, vector)! - 1) < 1e-9)
    }),
  )
  assert.deepEqual(l2Normalised([0, 0]), [0, 0])
})
