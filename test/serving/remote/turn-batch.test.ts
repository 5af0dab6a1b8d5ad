import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnBatch } from '../../../src/serving/remote/turn-batch.js'
import { turns } from './joined.js'

test('what is added in one turn goes out once, in order, and what comes later by itself', async () => {
  const sent: (readonly number[])[] = []
  const batch = new TurnBatch<number>((items) => sent.push(items))
  batch.add(1)
  await Promise.resolve()
  batch.add(2)
  assert.deepEqual(sent, [])
  await turns(1)
  assert.deepEqual(sent, [[1, 2]])
  batch.add(3)
  await turns(2)
  assert.deepEqual(sent, [[1, 2], [3]])
})

test('what is added while a batch goes out is not lost', async () => {
  const sent: (readonly number[])[] = []
  const batch = new TurnBatch<number>((items) => {
    sent.push(items)
    if (items.includes(1)) batch.add(2)
  })
  batch.add(1)
  await turns(3)
  assert.deepEqual(sent, [[1], [2]])
})
