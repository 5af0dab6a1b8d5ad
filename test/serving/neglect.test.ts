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

/** Promises of two tiers that learn together, of which one has been slow. */
function slowPromises() {
  const shared = new SharedPromises()
  const [one, other] = [new CompletionModel(shared), new CompletionModel(shared)]
  const free = { waitMs: 0, inferenceMs: 10 }
  const waiting = { waitMs: 100, inferenceMs: 10 }
  const predictions = () => [one, other].flatMap((model) => [model.predict(free), model.predict(waiting)])
  const atFirst = predictions()
  for (const estimate of [free, waiting]) for (let i = 0; i < 600; i++) one.observe(estimate, 20, 2_000)
  return { one, other, waiting, predictions, atFirst }
}

test('a tier that is forgotten is believed to answer as soon as at the start, and what its lane learnt of waits is kept', () => {
  const { one, other, waiting, predictions, atFirst } = slowPromises()
  for (let nowMs = 0; nowMs < 60_000; nowMs += 100) {
    one.passedOver(nowMs)
    if (nowMs % 10_000 === 0) other.observe(waiting, 2_500, 2_000)
  }
  one.forget()
  const [free, queued, , ofOther] = predictions()
  assert.ok(free! < 20 * atFirst[0]!)
  assert.ok(queued! > 5 * atFirst[1]! && ofOther! > 5 * atFirst[3]!)
})

test('where no tier of a lane has answered for half a minute, promises are those of the start', () => {
  const { one, other, predictions, atFirst } = slowPromises()
  for (let nowMs = 0; nowMs <= 30_000; nowMs += 100) for (const model of [one, other]) model.passedOver(nowMs)
  one.forget()
  assert.deepEqual(predictions(), atFirst)
})
