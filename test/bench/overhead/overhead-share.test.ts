import assert from 'node:assert/strict'
import { test } from 'node:test'
import { medianRound, overheadShare } from '../../../bench/overhead/overhead-share.js'

const round = {
  servedTokensPerSecond: 900,
  rawTokensPerSecond: 1_200,
  servedTokensPerCpuSecond: 450,
  rawTokensPerCpuSecond: 600,
  generatorCpus: 0.4,
}

test('where engines fill the machine, raw is scaled down to the CPUs that the generator left', () => {
  const share = overheadShare(round, { available: 2, ofEngines: 2 })
  assert.equal(share.plain, 0.75)
  // 1.6 of 2 CPUs were left: bare session.run would have reached 960
  assert.ok(Math.abs(share.ofCpusLeft - 900 / 960) < 1e-12)
  assert.equal(share.perCpuSecond, 0.75)
})

test('a generator that has CPUs of its own costs the engines nothing', () => {
  const share = overheadShare(round, { available: 16, ofEngines: 2 })
  assert.equal(share.ofCpusLeft, share.plain)
})

test('CPU time that is not told gives no share of it', () => {
  const share = overheadShare({ ...round, servedTokensPerCpuSecond: null }, { available: 2, ofEngines: 2 })
  assert.equal(share.perCpuSecond, null)
})

test('the median of rounds is a round that happened', () => {
  assert.equal(
    medianRound([5, 1, 3], (round) => round),
    3,
  )
  assert.equal(
    medianRound([4, 2], (round) => round),
    2,
  )
})
