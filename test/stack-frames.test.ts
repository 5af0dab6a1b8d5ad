import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stackFrames } from '../src/stack-frames.js'

test('frames are told without any line of the message, even one that looks like a frame', () => {
  const error = new Error('cannot read:\n    at the court of appeal\n    at (secret.ts:1:1)')
  const frames = stackFrames(error)
  assert.match(frames[0] ?? '', /stack-frames\.test\.[jt]s/)
  assert.doesNotMatch(frames.join('\n'), /appeal|secret/)
})

test('an error without a message has its frames, one whose message was exchanged has none', () => {
  assert.match(stackFrames(new Error())[0] ?? '', /stack-frames\.test\.[jt]s/)
  const error = new Error('a\n    at secret')
  assert.match(error.stack ?? '', /secret/)
  error.message = 'b'
  assert.deepEqual(stackFrames(error), [])
})
