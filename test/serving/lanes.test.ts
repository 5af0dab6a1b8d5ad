import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { runClassifier, scratchFolder } from '../support/running-classifier.js'
import { writeTinyFamily } from '../support/tiny-family.js'

const folder = scratchFolder()
after(() => folder.remove())

test('with two lanes each tier answers as it does with one, from engines that hold it alone', async () => {
  const family = await writeTinyFamily(folder.dir)
  const answers: unknown[] = []
  for (const lanes of ['1', '2'] as const) {
    const { classifier, classify, until, log } = await runClassifier({
      families: [family],
      provider: 'cpu',
      engines: 1,
      threads: 1,
      lanes,
    })
    await until(() => classifier.readiness().ready, 'readiness')
    assert.equal(log.filter(({ message }) => message === 'engine ready').length, Number(lanes))
    const tiers = family.manifest.tiers.map(({ tier }) => tier)
    const results = await Promise.all(tiers.map((tier) => classify({ tier })))
    assert.deepEqual(
      results.map(({ tier }) => tier),
      tiers,
    )
    answers.push(
      results.map(({ predictions }) => predictions.map(({ label, probabilities }) => [label, probabilities])),
    )
    const roomy = await classify({ tier: 'auto', budgetMs: 60_000 })
    assert.equal(roomy.tier, tiers[0])
    await classifier.drain()
  }
  assert.deepEqual(answers[0], answers[1])
})
