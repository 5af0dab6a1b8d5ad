import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SoakResult, soakFaults, soakTable } from '../../../bench/soak/soak-result.js'

const slope = { mibPerHour: 3, low: -4, high: 9, hours: 0.75 }
const memory = { rssMiB: { start: 180, end: 190, most: 200 }, slope }
const kept: Omit<SoakResult, 'environment'> = {
  bench: 'soak',
  placement: { generators: 1, cpus: null, poll: false },
  families: ['one', 'two'],
  options: { minutes: 60, load: 0.3, seed: 1 },
  capacityPerSecond: 40,
  turns: { sent: 1_000, disconnected: 50, heldBack: 0 },
  counts: { answered: 1_400, refused: { OVERLOADED: 3 }, failed: {} },
  latency: { p50Ms: 20, p90Ms: 90, p99Ms: 4_000, maxMs: 9_000 },
  liveFailed: 0,
  reloads: [{ atMinutes: 5, family: 'one', tookMs: 9_000 }],
  memory: { api: memory, engines: memory },
  processes: { start: 3, end: 3 },
}

test('refusals by name and slow answers are no fault, and too short a run has no slope to fail for', () => {
  assert.deepEqual(soakFaults(kept), [])
  assert.deepEqual(soakFaults({ ...kept, memory: { api: { ...memory, slope: null }, engines: memory } }), [])
})

test('each promise that is broken is named', () => {
  const faultsOf = (changed: Partial<SoakResult>) => soakFaults({ ...kept, ...changed }).join('; ')
  assert.equal(
    faultsOf({ counts: { answered: 1, refused: {}, failed: { ECONNRESET: 2 } } }),
    '2 requests ended with ECONNRESET',
  )
  assert.match(faultsOf({ counts: { answered: 0, refused: {}, failed: {} } }), /nothing was answered/)
  assert.match(faultsOf({ liveFailed: 2 }), /live failed 2 times/)
  assert.match(faultsOf({ reloads: [{ atMinutes: 5, family: 'one', tookMs: null }] }), /reload of "one" after 5\.0/)
  assert.match(faultsOf({ processes: { start: 3, end: 5 } }), /3 processes have become 5/)
  const leak = { ...memory, slope: { ...slope, mibPerHour: 60, low: 40, high: 80 } }
  assert.match(faultsOf({ memory: { api: leak, engines: memory } }), /main process grows by 40 MiB an hour at least/)
  assert.match(faultsOf({ memory: { api: memory, engines: leak } }), /other processes grows by 40/)
})

test('the table ends with the verdict', () => {
  const environment = {} as SoakResult['environment']
  assert.match(soakTable({ ...kept, environment }), /refused: 3 OVERLOADED\n[^\n]*\npassed$/)
  assert.match(soakTable({ ...kept, environment, liveFailed: 1 }), /\nFAILED: .*live failed/)
})
