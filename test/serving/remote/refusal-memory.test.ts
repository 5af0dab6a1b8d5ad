import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Overloaded } from '../../../src/errors.js'
import { RefusalMemory } from '../../../src/serving/remote/refusal-memory.js'

const refusal = new Overloaded('fast', 64)
const head = { family: 'tiny', tier: 'fast', budgetMs: 25 } as const

test('a refusal is told to the same head for 10 ms', () => {
  const memory = new RefusalMemory()
  memory.heard(head, refusal, 100)
  assert.equal(memory.of({ ...head }, 100), refusal)
  assert.equal(memory.of(head, 109.9), refusal)
  assert.equal(memory.of(head, 110), undefined)
  assert.equal(memory.of(head, 105), undefined, 'what is forgotten stays so')
})

test('another family, tier or budget, or none, is another head', () => {
  const memory = new RefusalMemory()
  memory.heard(head, refusal, 0)
  for (const other of [{ family: 'other' }, { tier: 'teacher' }, { budgetMs: 26 }, { budgetMs: undefined }] as const) {
    assert.equal(memory.of({ ...head, ...other }, 1), undefined)
  }
})

test('a refusal that is heard again is told for longer', () => {
  const memory = new RefusalMemory()
  memory.heard(head, refusal, 0)
  memory.heard(head, refusal, 8)
  assert.equal(memory.of(head, 15), refusal)
})

test('callers that make up budgets do not fill the memory', () => {
  const memory = new RefusalMemory()
  for (let budgetMs = 1; budgetMs <= 10_000; budgetMs++) memory.heard({ ...head, budgetMs }, refusal, 0)
  const known = Array.from({ length: 10_000 }, (_, i) => memory.of({ ...head, budgetMs: i + 1 }, 1)).filter(Boolean)
  assert.ok(known.length > 0 && known.length <= 256)
})
