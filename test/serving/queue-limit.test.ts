import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueLimit } from '../../src/serving/start-engines.js'

test('more may wait where a GPU answers, unless told otherwise', () => {
  assert.ok(queueLimit('cuda', undefined) > queueLimit('webgpu', undefined))
  assert.ok(queueLimit('webgpu', undefined) > queueLimit('cpu', undefined))
  assert.equal(queueLimit('cuda', 7), 7)
  assert.equal(queueLimit('cpu', 7), 7)
})
