import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { completionRate } from '../../../bench/load/completion-rate.js'

test('the rate of regular batches is exact wherever the window begins and ends', () =>
  fc.assert(
    fc.property(
      fc.record({ rows: fc.integer({ min: 1, max: 20 }), gapMs: fc.integer({ min: 5, max: 200 }) }),
      fc.integer({ min: 0, max: 500 }),
      fc.integer({ min: 1_000, max: 2_000 }),
      ({ rows, gapMs }, fromMs, toMs) => {
        const completions = Array.from({ length: Math.ceil(2_500 / gapMs) }, (_, batch) =>
          Array.from({ length: rows }, () => ({ endedMs: batch * gapMs, texts: 1, tokens: 100 })),
        ).flat()
        const { textsPerSecond, tokensPerSecond } = completionRate(completions, fromMs, toMs)
        assert.ok(Math.abs(textsPerSecond - (1_000 * rows) / gapMs) < 1e-6)
        assert.ok(Math.abs(tokensPerSecond - (100_000 * rows) / gapMs) < 1e-4)
      },
    ),
  ))

test('work that began in the warm-up counts from the end of the warm-up when nothing finished in it', () => {
  const completions = [{ endedMs: 3_000, texts: 1, tokens: 10 }]
  assert.deepEqual(completionRate(completions, 1_000, 4_000), { textsPerSecond: 0.5, tokensPerSecond: 5 })
})

test('nothing finished is a rate of zero', () => {
  assert.deepEqual(completionRate([], 0, 1_000), { textsPerSecond: 0, tokensPerSecond: 0 })
  assert.deepEqual(completionRate([{ endedMs: 5, texts: 1, tokens: 1 }], 10, 1_000), {
    textsPerSecond: 0,
    tokensPerSecond: 0,
  })
})
