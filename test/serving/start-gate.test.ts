import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startGate } from '../../src/serving/start-gate.js'

/** Starts that go on until they are let go. */
function starts(cpus: number, names: readonly number[]) {
  const gate = startGate(cpus)
  const inside: number[] = []
  const leave = new Map<number, () => void>()
  const over = names.map((name) =>
    gate(() => {
      inside.push(name)
      return new Promise<void>((resolve) => leave.set(name, resolve))
    }),
  )
  return { inside, over, leave: (name: number) => leave.get(name)!() }
}

test('who comes waits until all before are through, in the order asked', async () => {
  const { inside, over, leave } = starts(2, [1, 2, 3])
  await sleep(5)
  assert.deepEqual(inside, [1])
  leave(1)
  leave(1)
  await over[0]
  await sleep(5)
  assert.deepEqual(inside, [1, 2])
  leave(2)
  await over[1]
  await sleep(5)
  assert.deepEqual(inside, [1, 2, 3])
  leave(3)
  await over[2]
})

test('of many CPUs a quarter starts engines at the same time', async () => {
  const { inside, over, leave } = starts(8, [1, 2, 3])
  await sleep(5)
  assert.deepEqual(inside, [1, 2])
  leave(1)
  await over[0]
  await sleep(5)
  assert.deepEqual(inside, [1, 2, 3])
  leave(2)
  leave(3)
  await Promise.all(over)
})
