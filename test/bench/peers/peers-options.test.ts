import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peersOptions } from '../../../bench/peers/peers-options.js'

const flags = {
  provider: 'cpu',
  textColumn: 'facts',
  texts: '8',
  seconds: '1',
  seed: '1',
  tier: 'fast',
  peers: 'litserve,mlserver',
  batches: '1,8',
  limit: '100',
  trials: '4',
  layouts: '1x2,2x1',
}

test('every spread over the CPUs is tried with every batch size', () => {
  const { layouts, peers } = peersOptions(flags)
  assert.deepEqual(peers, ['litserve', 'mlserver'])
  assert.deepEqual(
    layouts.map(({ workers, threads, batch }) => [workers, threads, batch]),
    [
      [1, 2, 1],
      [2, 1, 1],
      [1, 2, 8],
      [2, 1, 8],
    ],
  )
  assert.deepEqual(peersOptions({ ...flags, peers: 'none' }).peers, [])
})

test('a wrong flag is named with what it takes', () => {
  assert.throws(() => peersOptions({ ...flags, peers: 'litserve,torchserve' }), /"torchserve" is none of litserve/)
  assert.throws(() => peersOptions({ ...flags, layouts: '2' }), /WORKERSxTHREADS/)
  assert.throws(() => peersOptions({ ...flags, tier: 'quick' }), /--tier/)
})
