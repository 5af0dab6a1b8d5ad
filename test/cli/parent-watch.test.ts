import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { onParentLoss } from '../../src/cli/parent-watch.js'

test('the loss of the parent is told once', async (t) => {
  let parent = 100
  let told = 0
  const timer = onParentLoss(
    () => parent,
    () => {
      told++
      parent++
    },
  )
  t.after(() => clearInterval(timer))
  await sleep(300)
  assert.equal(told, 0, 'not while it lives')
  parent = 1
  while (told === 0) await sleep(20)
  await sleep(300)
  assert.equal(told, 1)
})
