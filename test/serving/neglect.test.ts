import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompletionModel, SharedPromises } from '../../src/serving/completion-model.js'
import { LatencyModel } from '../../src/serving/latency-model.js'
import { Neglect } from '../../src/serving/neglect.js'

test('a tier that many requests pass over for half a minute is to be forgotten, once', () => {
  const neglect = new Neglect()
  const at = Array.from({ length: 400 }, (_, request) => request * 100).filter((nowMs) => neglect.passedOver(nowMs))
  assert.deepEqual(at, [30_000])
})

test('neither a few requests nor a short while make it forgotten, nor one that it answers', () => {
  const rarely = new Neglect()
  assert.ok(Array.from({ length: 15 }, (_, request) => rarely.passedOver(request * 10_000)).every((stale) => !stale))
  const often = new Neglect()
  assert.ok(Array.from({ length: 1_000 }, (_, request) => often.passedOver(request)).every((stale) => !stale))
  const used = new Neglect()
  for (let nowMs = 0; nowMs < 200_000; nowMs += 100) {
    assert.equal(used.passedOver(nowMs), false)
    if (nowMs % 20_000 === 0) used.answered()
  }
})

test('times that are forgotten are those of the profile again', () => {
  const model = new LatencyModel([{ tokens: 128, rows: 1, ms: 10 }])
  const [atFirst, together] = [model.predict(128, 1), model.predict(128, 4)]
  for (let i = 0; i < 300; i++) model.observe(128, 1, 400)
  assert.ok(model.predict(128, 1) > 300)
  model.forget()
  assert.deepEqual([model.predict(128, 1), model.predict(128, 4)], [atFirst, together])
})

test('promises that are forgotten are those of the start, of all tiers that learn together', () => {
  const shared = new SharedPromises()
  const [one, other] = [new CompletionModel(shared), new CompletionModel(shared)]
  const estimates = [0, 5, 100].map((waitMs) => ({ waitMs, inferenceMs: 10 }))
  const all = () => [one, other].map((model) => estimates.map((estimate) => model.predict(estimate)))
  const atFirst = all()
  for (const estimate of estimates) for (let i = 0; i < 600; i++) one.observe(estimate, 20, 2_000)
  assert.ok(all()[1]![2]! > 5 * atFirst[1]![2]!)
  one.forget()
  assert.deepEqual(all(), atFirst)
})
