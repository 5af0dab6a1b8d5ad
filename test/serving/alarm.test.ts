import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Alarm } from '../../src/serving/alarm.js'

test('it rings once, at the earliest of the moments that it was set to', async () => {
  const rung: number[] = []
  const alarm = new Alarm(() => rung.push(performance.now()))
  const nowMs = performance.now()
  alarm.set(nowMs + 5_000, nowMs)
  alarm.set(nowMs + 20, nowMs)
  alarm.set(nowMs + 300, nowMs)
  await sleep(120)
  assert.equal(rung.length, 1)
  assert.ok(rung[0]! >= nowMs + 20)
})

test('with no moment left it does not ring', async () => {
  let rung = 0
  const alarm = new Alarm(() => rung++)
  const nowMs = performance.now()
  alarm.set(nowMs + 10, nowMs)
  alarm.set(Number.POSITIVE_INFINITY, nowMs)
  await sleep(50)
  assert.equal(rung, 0)
})
