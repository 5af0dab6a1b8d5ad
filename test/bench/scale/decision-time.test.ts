import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureDecisions } from '../../../bench/scale/decision-time.js'

test('decisions are timed with requests waiting and with none, and leave no timer behind', () => {
  for (const waiting of [0, 20]) {
    const { count, meanUs, p50Us, p99Us } = measureDecisions({ tiers: ['teacher', 'fast'], waiting, durationMs: 60 })
    assert.ok(count > 0 && p50Us > 0 && p50Us <= p99Us && Number.isFinite(meanUs))
  }
})
