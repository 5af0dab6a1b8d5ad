import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { StartGate } from '../../src/serving/start-gate.js'

test('who comes waits until all before are through, whatever order they are asked in', async () => {
  const gate = new StartGate(2)
  const inside: number[] = []
  const leaves = [1, 2, 3].map((name) =>
    gate.enter().then((leave) => {
      inside.push(name)
      return leave
    }),
  )
  const first = await leaves[0]!
  await turn()
  assert.deepEqual(inside, [1])
  first()
  first()
  const second = await leaves[1]!
  await turn()
  assert.deepEqual(inside, [1, 2])
  second()
  await leaves[2]
  assert.deepEqual(inside, [1, 2, 3])
})

test('of many CPUs a quarter starts engines at the same time', async () => {
  const gate = new StartGate(8)
  const [first, second, third] = [gate.enter(), gate.enter(), gate.enter()]
  const leave = await first
  await second
  let isIn = false
  void third.then(() => {
    isIn = true
  })
  await turn()
  await turn()
  assert.equal(isIn, false)
  leave()
  await third
})
