import assert from 'node:assert/strict'
import { test } from 'node:test'
import { searchGoodput, trialOf } from '../../../bench/load/search-goodput.js'

const trial = (ratePerSecond: number, kept: boolean) => ({
  ...trialOf([], ratePerSecond, 1_000, 100),
  goodPerSecond: ratePerSecond,
  kept,
})

test('the search closes in on the highest rate that keeps the limit', async () => {
  for (const knee of [12, 50, 83, 110]) {
    const { best, trials } = await searchGoodput(async (rate) => trial(rate, rate <= knee), 100, 8)
    assert.equal(trials.length, 8)
    assert.ok(best!.ratePerSecond <= knee)
    assert.ok(best!.ratePerSecond > knee - 120 / 2 ** 8 - 1e-9, `${best!.ratePerSecond} of ${knee}`)
  }
})

test('a server that keeps the limit at no rate has no goodput', async () => {
  const { best } = await searchGoodput(async (rate) => trial(rate, false), 100, 4)
  assert.equal(best, null)
})

test('a trial counts from the intended send; an error or a late p99 breaks it', () => {
  const request = (ms: number) => ({ intendedMs: 10, sentMs: 11, endedMs: 10 + ms, outcome: {} })
  const good = trialOf([request(20), request(100)], 2, 1_000, 100)
  assert.deepEqual([good.kept, good.goodPerSecond, good.p99Ms], [true, 2, 100])
  const late = trialOf([request(20), request(101)], 2, 1_000, 100)
  assert.deepEqual([late.kept, late.goodPerSecond], [false, 1])
  const failed = trialOf(
    [request(20), { intendedMs: 0, sentMs: 0, endedMs: 1, outcome: { errorCode: 'HTTP_503' } }],
    2,
    1_000,
    100,
  )
  assert.deepEqual([failed.kept, failed.errors, failed.goodPerSecond], [false, 1, 1])
})
