import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { StayAwake } from '../../src/threads/stay-awake.js'

/** The share of the time that the event loop does not sleep, while nothing happens in it but one timer. */
async function shareAwake(ms: number): Promise<number> {
  const before = performance.eventLoopUtilization()
  await sleep(ms)
  return performance.eventLoopUtilization(before).utilization
}

test('after work the loop is awake for its time, handles timers meanwhile, and then sleeps', async () => {
  const awake = new StayAwake(100)
  awake.extend()
  assert.ok((await shareAwake(50)) > 0.9)
  await sleep(100)
  assert.ok((await shareAwake(50)) < 0.5)
})

test('work in between extends it, and one loop serves all', async () => {
  const awake = new StayAwake(60)
  awake.extend()
  await sleep(40)
  awake.extend()
  assert.ok((await shareAwake(40)) > 0.9)
  await sleep(60)
  assert.ok((await shareAwake(50)) < 0.5)
})

test('with no time the loop sleeps as ever', async () => {
  new StayAwake(0).extend()
  assert.ok((await shareAwake(50)) < 0.5)
})
