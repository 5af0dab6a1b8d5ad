import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runClosedLoop } from '../../../bench/load/closed-loop.js'
import type { Observation } from '../../../bench/load/observation.js'
import { runOpenLoop } from '../../../bench/load/open-loop.js'
import { deferred } from '../../support/deferred.js'

const refused = (intendedMs: number): Observation => ({
  intendedMs,
  sentMs: intendedMs,
  endedMs: intendedMs,
  budgetMs: undefined,
  outcome: { errorCode: 'OVERLOADED' },
})

for (const poll of [false, true]) {
  test(`an open loop sends everything although nothing is answered (poll: ${poll})`, async () => {
    const arrivalsMs = [0, 0.2, 0.4, 3, 3, 9]
    const allSent = deferred<void>()
    const sentMs: number[] = []
    const run = runOpenLoop({
      arrivalsMs,
      poll,
      async send(index, intendedMs) {
        sentMs.push(performance.now())
        if (index === arrivalsMs.length - 1) allSent.resolve()
        // an answer comes only once the last request has left: a loop that waits for answers never ends
        await allSent.promise
        return refused(intendedMs)
      },
    })
    const observations = await run
    const intendedMs = observations.map((observation) => observation.intendedMs)
    assert.deepEqual(
      intendedMs.map((atMs) => Math.round(10 * (atMs - intendedMs[0]!)) / 10),
      arrivalsMs,
    )
    assert.ok(
      sentMs.every((atMs, i) => atMs >= intendedMs[i]!),
      'none leaves early',
    )
  })
}

test('a closed loop never has more requests under way than connections, and pauses after an error', async () => {
  let underWay = 0
  let most = 0
  let sent = 0
  const { observations, startMs, endMs } = await runClosedLoop({
    connections: 3,
    durationMs: 30,
    async send() {
      sent++
      most = Math.max(most, ++underWay)
      await new Promise(setImmediate)
      underWay--
      return refused(performance.now())
    },
  })
  assert.equal(most, 3)
  assert.equal(observations.length, sent)
  assert.ok(sent >= 3 && sent <= 9, `${sent} in 30 ms with pauses of 20 ms`)
  assert.ok(Math.abs(endMs - startMs - 30) < 1e-6)
})
