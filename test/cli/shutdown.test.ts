import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shutDown } from '../../src/cli/shutdown.js'
import { Draining } from '../../src/http/draining.js'

function parts(graceMs: number) {
  const steps: string[] = []
  const draining = new Draining()
  return {
    steps,
    draining,
    graceMs,
    app: { close: async () => void steps.push('server closed') },
    classifier: { drain: async () => void steps.push('engines stopped') },
  }
}

test('the server closes and the engines stop only after the requests in flight have been answered', async () => {
  const all = parts(60_000)
  all.draining.enter()
  all.draining.enter()
  const unanswered = shutDown(all)
  assert.equal(all.draining.begun, true)
  all.draining.leave()
  await Promise.resolve()
  assert.deepEqual(all.steps, [])
  all.draining.leave()
  assert.equal(await unanswered, 0)
  assert.deepEqual(all.steps, ['server closed', 'engines stopped'])
})

test('when the grace time ends first, the requests left are counted', async () => {
  const all = parts(1)
  all.draining.enter()
  all.draining.enter()
  assert.equal(await shutDown(all), 2)
})
