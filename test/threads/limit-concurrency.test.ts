import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { limitConcurrency } from '../../src/threads/limit-concurrency.js'

test('no more than so many run at once, all run, and they begin in the order asked for', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ turns: fc.nat(4), fails: fc.boolean() }), { maxLength: 12 }),
      async (most, jobs) => {
        const limit = limitConcurrency(most)
        const begun: number[] = []
        let running = 0
        const outcomes = await Promise.allSettled(
          jobs.map(({ turns, fails }, index) =>
            limit(async () => {
              begun.push(index)
              running++
              assert.ok(running <= most)
              for (let turn = 0; turn < turns; turn++) await null
              running--
              if (fails) throw new Error('failed')
              return index
            }),
          ),
        )
        assert.deepEqual(
          begun,
          jobs.map((_, index) => index),
        )
        assert.deepEqual(
          outcomes.map(({ status }) => status === 'rejected'),
          jobs.map(({ fails }) => fails),
        )
      },
    ),
  ))
