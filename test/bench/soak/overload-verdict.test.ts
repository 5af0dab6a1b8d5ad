import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OverloadFigures, overloadFaults } from '../../../bench/soak/overload-verdict.js'

const kept: OverloadFigures = {
  capacityPerSecond: 20,
  goodputPerSecond: 18,
  answered: 1_100,
  refused: 10_900,
  errors: {},
  refusalP99Ms: 24.9,
  sendLagP99Ms: 2,
  liveP99Ms: 3,
  liveFailed: 0,
  apiLiveP99Ms: 4_000,
  apiLiveFailed: 1,
  rssBeforeMiB: 180,
  rssAfterMiB: 200,
}

test('nothing is at fault while every promise is kept', () => assert.deepEqual(overloadFaults(kept), []))

test('each promise that is broken is named', () => {
  const faultsOf = (changed: Partial<OverloadFigures>) => overloadFaults({ ...kept, ...changed }).join('; ')
  assert.match(faultsOf({ goodputPerSecond: 17 }), /^goodput is 85% of the capacity$/)
  assert.match(faultsOf({ refusalP99Ms: 25 }), /^refusals took 25\.0 ms/)
  assert.match(faultsOf({ refused: 0, refusalP99Ms: null }), /^nothing was refused/)
  assert.match(faultsOf({ liveP99Ms: 26 }), /^\/health\/live took 26\.0 ms/)
  assert.match(faultsOf({ liveP99Ms: null, liveFailed: 4 }), /failed 4 times/)
  assert.match(faultsOf({ errors: { INTERNAL: 2 } }), /^2 requests ended with INTERNAL$/)
  assert.match(faultsOf({ rssAfterMiB: 300 }), /^the main process grew by 120 MiB$/)
})
