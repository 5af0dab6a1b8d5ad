import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMine, parseShard } from '../../../training/study/shards.js'

test('every group belongs to one shard, what others need to all, and what none needs to the first', () => {
  const shards = [0, 1, 2].map((index) => ({ index, count: 3 }))
  for (let group = 0; group < 7; group++) {
    assert.equal(shards.filter((shard) => isMine(shard, group, true)).length, 1)
  }
  assert.deepEqual(
    shards.map((shard) => isMine(shard, undefined, true)),
    [true, true, true],
  )
  assert.deepEqual(
    shards.map((shard) => isMine(shard, undefined, false)),
    [true, false, false],
  )
})

test('shards count from 0', () => {
  assert.deepEqual(parseShard('3/4'), { index: 3, count: 4 })
  for (const text of ['4/4', '1', '-1/2', '0/0']) assert.throws(() => parseShard(text), /is not i\/n/)
})
