import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type BatchLimits,
  batchTokens,
  planBatch,
  tokensPerRow,
  type WaitingSequence,
} from '../../src/serving/batch-planner.js'

const waitingSequences = fc
  .array(fc.record({ tokens: fc.integer({ min: 1, max: 512 }), deadlineMs: fc.integer({ min: 0, max: 2_000 }) }), {
    maxLength: 60,
  })
  .map((sequences) => sequences.sort((a, b) => a.deadlineMs - b.deadlineMs))

const limitsOf = (overrides: Partial<BatchLimits> = {}): BatchLimits => ({
  maxTokens: 2_048,
  maxRows: 16,
  minUtilisation: 0.75,
  lookahead: 256,
  predictMs: (tokens, rows) => 1 + (tokens * rows) / 10,
  ...overrides,
})
const limits = fc
  .record({
    maxTokens: fc.integer({ min: 1, max: 4_096 }),
    maxRows: fc.integer({ min: 1, max: 32 }),
    minUtilisation: fc.double({ min: 0, max: 1, noNaN: true }),
    lookahead: fc.integer({ min: 1, max: 64 }),
  })
  .map(limitsOf)

const shape = (waiting: readonly WaitingSequence[], chosen: readonly number[]) => {
  const lengths = chosen.map((index) => waiting[index]!.tokens)
  return { rows: lengths.length, longest: Math.max(...lengths), real: lengths.reduce((sum, tokens) => sum + tokens, 0) }
}

test('the most urgent sequence always runs, so that a long text never starves', () => {
  fc.assert(
    fc.property(waitingSequences, limits, (waiting, bounds) => {
      const chosen = planBatch(waiting, 0, bounds)
      if (waiting.length === 0) assert.deepEqual(chosen, [])
      else assert.equal(chosen[0], 0)
    }),
  )
})

test('a batch never exceeds its padded-token budget unless it holds a single sequence', () => {
  fc.assert(
    fc.property(waitingSequences, limits, (waiting, bounds) => {
      const chosen = planBatch(waiting, 0, bounds)
      if (chosen.length < 2) return
      const { rows, longest } = shape(waiting, chosen)
      assert.ok(rows * longest <= bounds.maxTokens)
      assert.ok(rows <= bounds.maxRows)
    }),
  )
})

test('indices ascend and lie within the look-ahead', () => {
  fc.assert(
    fc.property(waitingSequences, limits, (waiting, bounds) => {
      const chosen = planBatch(waiting, 0, bounds)
      chosen.forEach((index, at) => {
        assert.ok(index < Math.min(waiting.length, bounds.lookahead))
        if (at > 0) assert.ok(index > chosen[at - 1]!)
      })
    }),
  )
})

test('the most urgent sequence meets its deadline in the batch whenever it would alone', () => {
  fc.assert(
    fc.property(waitingSequences, limits, (waiting, bounds) => {
      const head = waiting[0]
      if (!head || bounds.predictMs(head.tokens, 1) > head.deadlineMs) return
      const { rows, longest } = shape(waiting, planBatch(waiting, 0, bounds))
      assert.ok(bounds.predictMs(longest, rows) <= head.deadlineMs)
    }),
  )
})

test('padding stays below its share while nobody is pressed for time', () => {
  fc.assert(
    fc.property(waitingSequences, limits, (waiting, bounds) => {
      const relaxed = waiting.map((sequence) => ({ ...sequence, deadlineMs: sequence.deadlineMs + 1e9 }))
      const { rows, longest, real } = shape(relaxed, planBatch(relaxed, 0, bounds))
      if (rows > 1) assert.ok(real / (rows * longest) >= bounds.minUtilisation)
    }),
  )
})

test('similar lengths are preferred to a nearer deadline that is far off', () => {
  const waiting = [
    { tokens: 100, deadlineMs: 10_000 },
    { tokens: 10, deadlineMs: 10_001 },
    { tokens: 110, deadlineMs: 10_002 },
  ]
  const batchesPay = (tokens: number, rows: number) => 10 + (tokens * rows) / 10
  assert.deepEqual(planBatch(waiting, 0, limitsOf({ predictMs: batchesPay })), [0, 2])
})

test('what takes as long together as one after the other runs apart, unless it is shorter than what a dispatch costs', () => {
  const noGain = (msPerToken: number) => limitsOf({ predictMs: (tokens, rows) => tokens * rows * msPerToken })
  const waiting = [
    { tokens: 100, deadlineMs: 10_000 },
    { tokens: 100, deadlineMs: 10_001 },
  ]
  assert.deepEqual(planBatch(waiting, 0, noGain(0.2)), [0])
  assert.deepEqual(planBatch(waiting, 0, noGain(0.02)), [0, 1])
})

test('a sequence that would miss its deadline by waiting joins in spite of padding', () => {
  const limits = limitsOf({ predictMs: () => 10 })
  const head = { tokens: 100, deadlineMs: 30 }
  assert.deepEqual(planBatch([head, { tokens: 10, deadlineMs: 31 }], 12, limits), [0, 1])
  assert.deepEqual(planBatch([head, { tokens: 10, deadlineMs: 60 }], 12, limits), [0])
})

test('something always runs, and what would be late only when nothing else waits', () => {
  fc.assert(
    fc.property(waitingSequences, limits, fc.integer({ min: 0, max: 2_000 }), (waiting, bounds, nowMs) => {
      const strict = waiting.map((sequence) => ({ ...sequence, strict: true }))
      const chosen = planBatch(strict, nowMs, bounds)
      if (waiting.length === 0) return
      assert.ok(chosen.length > 0)
      const alone = ({ tokens, deadlineMs }: WaitingSequence) => nowMs + bounds.predictMs(tokens, 1) <= deadlineMs
      if (chosen.some((index) => !alone(strict[index]!))) assert.deepEqual(chosen, [0])
    }),
  )
})

test('under overload a full batch of what can still be met runs, not what is about to expire', () => {
  const waiting = Array.from({ length: 40 }, (_, index) => ({ tokens: 100, deadlineMs: 10 * index, strict: true }))
  const limits = limitsOf({ maxTokens: 800, predictMs: (_, rows) => 40 + 5 * rows })
  // eight rows take 80 ms: the first that can be met in such a batch is due at 80
  assert.deepEqual(planBatch(waiting, 0, limits), [8, 9, 10, 11, 12, 13, 14, 15])
})

test('under overload what can still be met alone runs where batches do not pay', () => {
  const waiting = Array.from({ length: 40 }, (_, index) => ({ tokens: 100, deadlineMs: 10 * index, strict: true }))
  const limits = limitsOf({ maxTokens: 800, predictMs: (_, rows) => 20 * rows })
  assert.deepEqual(planBatch(waiting, 0, limits), [2])
})

test('texts of unequal lengths are not taken for so many of their mean, whose times are shorter', () => {
  const limits = {
    ...limitsOf({ maxTokens: 800, predictMs: (tokens, rows) => (rows * tokens * tokens) / 500 }),
    packed: true,
  }
  const waiting = [
    { tokens: 400, deadlineMs: 10_000 },
    { tokens: 100, deadlineMs: 10_001 },
  ]
  assert.deepEqual(planBatch(waiting, 0, limits), [0])
})

test('on a GPU texts run together even where their times speak against it: a few slow batches must not end all batches', () => {
  const waiting = Array.from({ length: 4 }, (_, index) => ({ tokens: 100, deadlineMs: 10_000 + index }))
  const slowTogether = limitsOf({ predictMs: (_, rows) => (rows > 1 ? 50 * rows : 1) })
  assert.deepEqual(planBatch(waiting, 0, slowTogether), [0])
  assert.deepEqual(planBatch(waiting, 0, { ...slowTogether, alwaysTogether: true }), [0, 1, 2, 3])
})

test('what was learnt of typical times tells whether a batch pays, what is promised tells whether it is in time', () => {
  const waiting = [
    { tokens: 100, deadlineMs: 35 },
    { tokens: 100, deadlineMs: 10_001 },
  ]
  const typicalMs = (_: number, rows: number) => 10 + 2 * rows
  const planned = (promisedMs: number) =>
    planBatch(waiting, 0, { ...limitsOf({ predictMs: (_, rows) => promisedMs * rows }), typicalMs })
  assert.deepEqual(planned(15), [0, 1])
  assert.deepEqual(planned(20), [0])
})

test('without padding a batch is bounded by its own tokens, and lengths mix', () => {
  fc.assert(
    fc.property(waitingSequences, limits, (waiting, bounds) => {
      const relaxed = waiting.map((sequence) => ({ ...sequence, deadlineMs: sequence.deadlineMs + 1e9 }))
      const batchesPay = (tokens: number, rows: number) => 100 + (tokens * rows) / 10
      const chosen = planBatch(relaxed, 0, { ...bounds, packed: true, predictMs: batchesPay })
      const { rows, real } = shape(relaxed, chosen)
      if (rows > 1) assert.ok(real <= bounds.maxTokens)
      // whoever was left out within reach would not have fitted beside those chosen before
      const end = Math.min(relaxed.length, bounds.lookahead)
      for (let index = 1; index < end && rows < bounds.maxRows; index++) {
        if (chosen.includes(index)) continue
        const before = chosen.filter((other) => other < index).reduce((sum, other) => sum + relaxed[other]!.tokens, 0)
        assert.ok(before + relaxed[index]!.tokens > bounds.maxTokens)
      }
    }),
  )
})

test('a batch costs what it is padded to, or what it holds', () => {
  assert.deepEqual([batchTokens(3, 100, 150, false), batchTokens(3, 100, 150, true)], [300, 150])
  assert.deepEqual([tokensPerRow(3, 100, 150, false), tokensPerRow(3, 100, 151, true)], [100, 51])
})
