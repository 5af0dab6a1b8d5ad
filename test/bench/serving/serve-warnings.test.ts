import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serveWarnings } from '../../../bench/serving/serve-warnings.js'

type Result = Parameters<typeof serveWarnings>[0]

/** The parts that warnings look at. */
function result(parts: {
  loadAverage?: number
  synthetic?: boolean
  generatorSeconds?: number
  generators?: number
  lagMs?: number
}): Result {
  const { loadAverage = 0.1, synthetic = false, generatorSeconds = 1, generators = 1, lagMs = 1 } = parts
  const cpu = { wallSeconds: 5, serverSeconds: 8, generatorSeconds }
  return {
    environment: { loadAverage, cpusAvailable: 2 },
    placement: { generators, cpus: null, poll: false },
    workload: { synthetic },
    tiers: [{ tier: 'fast', capacity: { cpu } }],
    mixedCapacity: { cpu: { ...cpu, generatorSeconds: 0.1 } },
    openLoop: [{ loadShare: 0.8, cpu: { ...cpu, generatorSeconds: 0.1 }, sendLag: { p99Ms: lagMs } }],
  } as unknown as Result
}

test('a quiet machine, real texts and an idle generator give no warning', () => {
  assert.deepEqual(serveWarnings(result({})), [])
})

test('what makes figures doubtful is said: other load, synthetic texts, a generator at its limit', () => {
  const warnings = serveWarnings(result({ loadAverage: 3.2, synthetic: true, generatorSeconds: 4.5 }))
  assert.equal(warnings.length, 3)
  assert.match(warnings[0]!, /load average 3\.2 on 2 CPUs/)
  assert.match(warnings[1]!, /synthetic/)
  assert.match(warnings[2]!, /capacity of fast: the load generator used 90% of a CPU/)
})

test('several generator threads may use as many CPUs, and lateness is said however idle they are', () => {
  assert.deepEqual(serveWarnings(result({ generatorSeconds: 7.5, generators: 2 })), [])
  const warnings = serveWarnings(result({ generatorSeconds: 9, generators: 2, lagMs: 12.34 }))
  assert.match(warnings[0]!, /capacity of fast: the load generator used 90% of a CPU for each of 2 threads/)
  assert.match(warnings[1]!, /open loop at 80%: requests left 12\.3 ms late at p99/)
})
