import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { stopOnSignals } from '../../src/cli/stop-signals.js'
import { deferred } from '../support/deferred.js'

function stoppable() {
  const emitter = new EventEmitter()
  const exits: number[] = []
  const reasons: string[] = []
  const stopped = deferred<number>()
  const clock = { ms: 5_000 }
  const begin = stopOnSignals(
    { on: (signal, listener) => emitter.on(signal, listener), exit: (code) => void exits.push(code) },
    (reason) => {
      reasons.push(reason)
      return stopped.promise
    },
    () => clock.ms,
  )
  return { emitter, exits, reasons, stopped, clock, begin }
}

test('the first signal stops in order and exits with what stopping gives', async () => {
  const { emitter, exits, reasons, stopped } = stoppable()
  emitter.emit('SIGTERM')
  assert.deepEqual([reasons, exits], [['SIGTERM'], []])
  stopped.resolve(0)
  await stopped.promise
  assert.deepEqual(exits, [0])
})

test('the same signal passed on by npm a moment later changes nothing', () => {
  const { emitter, exits, reasons, clock } = stoppable()
  emitter.emit('SIGINT')
  clock.ms += 400
  emitter.emit('SIGINT')
  assert.deepEqual([reasons, exits], [['SIGINT'], []])
})

test('a second signal exits at once with 128 and its number', () => {
  const { emitter, exits, clock } = stoppable()
  emitter.emit('SIGTERM')
  clock.ms += 1_001
  emitter.emit('SIGINT')
  assert.deepEqual(exits, [130])
})

test('stopping for another reason happens once', () => {
  const { emitter, reasons, begin } = stoppable()
  begin('npm ended')
  begin('npm ended')
  emitter.emit('SIGTERM')
  assert.deepEqual(reasons, ['npm ended'])
})
