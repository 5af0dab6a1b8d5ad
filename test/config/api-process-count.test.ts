import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ApiProcessSources, apiProcessCount } from '../../src/config/api-process-count.js'

const auto = (sources: Partial<ApiProcessSources>) =>
  apiProcessCount({ asked: 'auto', cpus: 16, onGpu: true, rateLimited: false, ...sources })

test('where a GPU computes, auto gives a quarter of the CPUs to HTTP, one at least and eight at most', () => {
  const counts = [1, 2, 7, 8, 12, 16, 31, 32, 64].map((cpus) => auto({ cpus }))
  assert.deepEqual(counts, [1, 1, 1, 2, 3, 4, 7, 8, 8])
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 1_000, noNaN: true }), (cpus) => {
      const count = auto({ cpus })
      assert.ok(Number.isInteger(count) && count >= 1 && count <= 8)
      assert.ok(count === 1 || count * 4 <= cpus)
    }),
  )
})

test('where the CPUs compute, or a rate limit must be counted in one place, auto is one process', () => {
  assert.equal(auto({ onGpu: false, cpus: 64 }), 1)
  assert.equal(auto({ rateLimited: true, cpus: 64 }), 1)
})

test('a number is obeyed, whatever computes and however few the CPUs', () => {
  for (const onGpu of [true, false]) {
    for (const asked of [1, 2, 64]) assert.equal(auto({ asked, onGpu, cpus: 1 }), asked)
  }
  assert.equal(auto({ asked: 1, rateLimited: true }), 1)
})

test('several processes and a rate limit are refused by the name of the setting, with a way out', () => {
  assert.throws(() => auto({ asked: 2, rateLimited: true }), {
    code: 'INVALID_CONFIGURATION',
    message: /^LEXTIER_API_PROCESSES \(--api-processes\): .*give 1, or limit the rate in a proxy/,
  })
})
