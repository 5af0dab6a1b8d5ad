import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encoderFeeds } from '../../src/onnx/encoder-feeds.js'
import { PackedBatch } from '../../src/onnx/packed-batch.js'

const TEXTS = [[7, 8, 9], [5], [1, 2]].map((inputIds) => ({ inputIds }))
const limits = { maxPositions: 4, padTokenId: 0 }

test('a batch is its real tokens one after the other, and where they would stand padded', () => {
  const batch = new PackedBatch(TEXTS, limits)
  assert.deepEqual([batch.batch, batch.longest, batch.tokens], [3, 3, 6])
  assert.deepEqual([...batch.tokenIds()], [7, 8, 9, 5, 1, 2])
  assert.deepEqual([...batch.idsOfPlaces()], [7, 8, 9, 5, 0, 0, 1, 2, 0])
  assert.deepEqual([...batch.positions()], [0, 1, 2, 0, 0, 1])
  assert.deepEqual([...batch.cumulativeLengths], [0, 3, 4, 6])
  assert.deepEqual([...batch.placeOfToken()], [0, 1, 2, 3, 6, 7])
  assert.deepEqual([...batch.tokenOffset()], [0, 1, 2, 3, 6, 7, 4, 5, 8])
  assert.deepEqual([...batch.tokenOfPlace()], [0, 1, 2, 3, 3, 3, 4, 5, 5])
  assert.deepEqual([...batch.keyBias()], [0, 0, 0, 0, -10_000, -10_000, 0, 0, -10_000])
  const third = Math.fround(1 / 3)
  assert.deepEqual([...batch.meanWeights()], [third, third, third, 1, 0, 0, 0.5, 0.5, 0])
})

test('every place is taken once, and a real token is found again at its own', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(lengths, (tokens) => {
      const texts = tokens.map((length) => ({ inputIds: new Array<number>(length).fill(1) }))
      const batch = new PackedBatch(texts, { maxPositions: 9 })
      const places = batch.tokenOffset()
      assert.deepEqual(
        [...places].sort((a, b) => a - b),
        Array.from(places, (_, place) => place),
      )
      const tokenOfPlace = batch.tokenOfPlace()
      batch.placeOfToken().forEach((place, token) => {
        assert.equal(tokenOfPlace[place], token)
      })
    }),
  )
})

test('a graph is given the inputs that it names, and no other', () => {
  const feeds = encoderFeeds(['token_ids', 'mean_weights', 'key_bias'], TEXTS, limits)
  const shapes = Object.entries(feeds).map(([name, { type, dims }]) => [name, type, ...dims])
  assert.deepEqual(shapes, [
    ['token_ids', 'int32', 6],
    ['mean_weights', 'float32', 3, 1, 3],
    ['key_bias', 'float32', 3, 1, 1, 3],
  ])
  assert.deepEqual(Object.keys(encoderFeeds(['input_ids', 'attention_mask'], TEXTS, limits)), [
    'input_ids',
    'attention_mask',
  ])
})

test('a packed batch refuses what a padded one refuses', () => {
  for (const inputIds of [[], [1, 2, 3, 4, 5]]) {
    assert.throws(() => encoderFeeds(['token_ids'], [...TEXTS, { inputIds }], limits), { code: 'SHAPE_MISMATCH' })
  }
})
