import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CallerSignal } from '../src/caller-signal.js'

test('every listener hears once that the caller has gone, and why', () => {
  const signal = new CallerSignal()
  const heard: string[] = []
  signal.onabort = () => heard.push('onabort')
  signal.addEventListener('abort', () => heard.push('function'))
  signal.addEventListener('abort', { handleEvent: ({ type }: Event) => heard.push(type) })
  signal.throwIfAborted()
  signal.abort()
  signal.abort()
  assert.deepEqual(heard, ['onabort', 'function', 'abort'])
  assert.equal(signal.aborted, true)
  assert.throws(() => signal.throwIfAborted(), { code: 'REQUEST_ABORTED' })
})

test('a listener that was taken away, or that listens for something else, hears nothing; one added twice hears once', () => {
  const signal = new CallerSignal()
  const heard: string[] = []
  const taken = () => heard.push('taken')
  const twice = () => heard.push('twice')
  signal.addEventListener('abort', taken)
  signal.addEventListener('abort', twice)
  signal.addEventListener('abort', twice)
  signal.addEventListener('other', () => heard.push('other'))
  signal.removeEventListener('abort', taken)
  signal.abort()
  assert.deepEqual(heard, ['twice'])
})

test("it ends what takes a signal of the platform's", async () => {
  const signal = new CallerSignal()
  const slept = sleep(60_000, undefined, { signal })
  signal.abort()
  await assert.rejects(slept, { name: 'AbortError', cause: signal.reason })
})
