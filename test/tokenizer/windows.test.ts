import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { planWindows, truncate, withSpecialTokens } from '../../src/tokenizer/windows.js'

const cases = fc.record({
  tokens: fc.integer({ min: 0, max: 20_000 }),
  maxTokens: fc.integer({ min: 8, max: 512 }),
  overlap: fc.integer({ min: 0, max: 600 }),
})

test('windows cover every token, in order, and their weights sum to the tokens', () => {
  fc.assert(
    fc.property(cases, ({ tokens, maxTokens, overlap }) => {
      const windows = planWindows(tokens, maxTokens, overlap)
      let covered = 0
      for (const window of windows) {
        assert.ok(window.start <= covered && window.end >= covered)
        covered = window.end
      }
      assert.equal(covered, tokens)
      assert.equal(
        windows.reduce((sum, window) => sum + window.weight, 0),
        Math.max(1, tokens),
      )
    }),
  )
})

test('no window is longer than the model takes with its special tokens, and windows of a long text are full', () => {
  fc.assert(
    fc.property(cases, ({ tokens, maxTokens, overlap }) => {
      const windows = planWindows(tokens, maxTokens, overlap)
      for (const { start, end } of windows) {
        assert.ok(end - start + 2 <= maxTokens)
        if (windows.length > 1) assert.equal(end - start + 2, maxTokens)
      }
    }),
  )
})

test('neighbouring windows share the overlap, the last pair at least that', () => {
  fc.assert(
    fc.property(cases, ({ tokens, maxTokens, overlap }) => {
      const shared = Math.min(overlap, Math.floor((maxTokens - 2) / 2))
      const windows = planWindows(tokens, maxTokens, overlap)
      for (let index = 1; index < windows.length; index++) {
        const overlapped = windows[index - 1]!.end - windows[index]!.start
        if (index < windows.length - 1) assert.equal(overlapped, shared)
        else assert.ok(overlapped >= shared)
      }
    }),
  )
})

test('the number of windows is the least that covers the text at that overlap', () => {
  assert.equal(planWindows(254, 256, 64).length, 1)
  assert.deepEqual(planWindows(255, 256, 64), [
    { start: 0, end: 254, weight: 254 },
    { start: 1, end: 255, weight: 1 },
  ])
  assert.equal(planWindows(100_000, 256, 64).length, Math.ceil((100_000 - 254) / 190) + 1)
})

test('truncation keeps the first tokens that fit', () => {
  assert.deepEqual(truncate(1000, 64), { start: 0, end: 62, weight: 62 })
  assert.deepEqual(truncate(10, 64), { start: 0, end: 10, weight: 10 })
  assert.deepEqual(truncate(0, 64), { start: 0, end: 0, weight: 1 })
})

test('special tokens stand around the ids', () => {
  assert.deepEqual([...withSpecialTokens(Int32Array.of(7, 8), { clsId: 101, sepId: 102 })], [101, 7, 8, 102])
})
