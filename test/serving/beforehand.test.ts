import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayHaveBefore } from '../../src/serving/beforehand.js'

test('where few wait, only an engine that is as good as done has one batch before', () => {
  assert.ok(mayHaveBefore(1, 3, 0))
  assert.ok(!mayHaveBefore(1, 4, 31))
  assert.ok(!mayHaveBefore(2, 1, 31))
})

test('where many wait, an engine has as many short batches before as last a turn of an event loop', () => {
  assert.ok(mayHaveBefore(2, 1, 32))
  assert.ok(mayHaveBefore(16, 8, 32))
  assert.ok(!mayHaveBefore(16, 9, 1_000))
})

test('where many wait, an engine has one batch before the end of a longer run, not of a very long one', () => {
  assert.ok(mayHaveBefore(1, 25, 32))
  assert.ok(!mayHaveBefore(2, 26, 32))
  assert.ok(!mayHaveBefore(1, 26, 1_000))
})
