import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { scratchFolder, serveTinyFamily } from '../support/running-classifier.js'

const folder = scratchFolder()
const nodeOptions = process.env.NODE_OPTIONS
after(() => folder.remove())

/** Engines that are started from now on end at once. */
function breakNewEngines(): void {
  process.env.NODE_OPTIONS = '--no-such-option'
}

function mendNewEngines(): void {
  if (nodeOptions === undefined) delete process.env.NODE_OPTIONS
  else process.env.NODE_OPTIONS = nodeOptions
}

test('a lane whose engines cannot be kept running takes its own tiers out, and the others answer', async () => {
  const { classifier, classify, until, ready, log } = await serveTinyFamily(folder.dir, { lanes: '2' })
  await ready()
  const kill = (lane: string) => {
    const started = log.filter(({ message, fields }) => message === 'engine ready' && fields.lane === lane)
    process.kill(started.at(-1)!.fields.pid as number, 'SIGKILL')
  }
  const family = () => classifier.families()[0]!
  const out = () => family().tiers.flatMap(({ tier, ready: answers }) => (answers ? [] : tier))
  const roomy = () => classify({ budgetMs: 60_000 })
  const tiers = family().tiers.map(({ tier }) => tier)
  const cheapest = tiers.at(-1)!
  try {
    breakNewEngines()
    kill('background')
    await until(() => out().length > 0, 'the background lane to be given up')
    assert.deepEqual(out(), tiers.slice(0, -1))
    assert.deepEqual(classifier.readiness(), { ready: true, draining: false, reasons: [], starting: false })
    assert.equal((await roomy()).tier, cheapest)
    assert.equal((await classify()).tier, cheapest, 'without a budget too')
    assert.equal((await classify({ minConfidence: 1 })).tier, cheapest, 'nothing to escalate to')
    await assert.rejects(classify({ tier: tiers[0]! }), {
      code: 'NOT_READY',
      message: new RegExp(`tier "${tiers[0]}": no inference engine is running`),
    })
    assert.equal(family().ready, false)
    assert.match(family().reasons.join('\n'), new RegExp(`tier "${tiers[0]}": no inference engine is running`))

    mendNewEngines()
    await until(() => family().ready, 'the background lane to come back')
    assert.equal((await classify({ tier: tiers[0]! })).tier, tiers[0])

    breakNewEngines()
    kill('express')
    await until(() => out().includes(cheapest), 'the express lane to be given up')
    assert.equal(classifier.readiness().ready, true)
    assert.notEqual((await roomy()).tier, cheapest)
    await assert.rejects(classify({ tier: cheapest }), { code: 'NOT_READY' })

    kill('background')
    await until(() => out().length === tiers.length, 'both lanes to be given up')
    const { ready: isReady, reasons } = classifier.readiness()
    assert.equal(isReady, false)
    assert.match(reasons.join('\n'), /no inference engine is running/)
    await assert.rejects(classify(), { code: 'NOT_READY' })
  } finally {
    mendNewEngines()
    await classifier.drain()
  }
})
