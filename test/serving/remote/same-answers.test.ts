import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { LextierError } from '../../../src/errors.js'
import type { FamilyManifest } from '../../../src/family/family-schema.js'
import type { ServedState } from '../../../src/serving/remote/protocol.js'
import type { ClassifyRequest, ClassifyResult } from '../../../src/serving/types.js'
import { type Running, scratchFolder, serveTinyFamily } from '../../support/running-classifier.js'
import { type Joined, join } from './joined.js'

const { dir, remove } = scratchFolder()
let running: Running
let joined: Joined

before(async () => {
  running = await serveTinyFamily(dir)
  await running.ready()
  const { classifier } = running
  const state = (): ServedState => ({
    families: classifier.families().map(({ family, version }) => ({
      manifest: { name: family } as FamilyManifest,
      version,
      tokenizer: classifier.tokenizer!(family)!.hash,
    })),
    defaultFamily: 'tiny',
    refused: [],
    statuses: classifier.families(),
  })
  joined = await join({ classifier, state })
})
after(async () => {
  await joined.front.drain()
  await running.classifier.drain()
  remove()
})

/** @returns an answer without what is measured */
function lasting({ routing, stages: _, ...rest }: ClassifyResult) {
  const { predictedMs: _predicted, actualMs: _actual, budgetMet: _met, considered, ...route } = routing
  return { ...rest, route, considered: considered.map(({ tier }) => tier) }
}

async function sameAnswer(request: Partial<ClassifyRequest>): Promise<ClassifyResult> {
  const [there, here] = [await joined.classify(request), await running.classify(request)]
  assert.deepEqual(lasting(there), lasting(here))
  return there
}

test('labels, probabilities, tokens and the way to them are those of the classifier itself', async () => {
  for (const tier of ['fast', 'balanced', 'teacher'] as const) {
    const { predictions } = await sameAnswer({ texts: ['<p>the court &amp; the jury</p>', 'a right was held'], tier })
    assert.equal(predictions.length, 2)
  }
  await sameAnswer({ texts: ['the appeal'], tier: 'auto', abstainBelow: 1, family: 'tiny' })
})

test('long texts come back in windows or truncated, and 64 texts in order', async () => {
  const long = 'the petitioner was convicted in the district court '.repeat(40)
  const whole = await sameAnswer({ texts: [long, 'the court'], tier: 'fast' })
  assert.ok(whole.predictions[0]!.windows > 1)
  const cut = await sameAnswer({ texts: [long], tier: 'fast', longText: 'truncate' })
  assert.equal(cut.predictions[0]!.truncated, true)
  const texts = Array.from({ length: 64 }, (_, i) => `the court held ${'state law '.repeat(i)}`)
  assert.equal((await sameAnswer({ texts, tier: 'fast' })).predictions.length, 64)
})

test('texts that are read on a thread are answered alike', async () => {
  const { predictions } = await sameAnswer({ texts: ['the court held '.repeat(3_000)], tier: 'fast' })
  assert.equal(predictions[0]!.tokens, 9_000)
})

test('who is not sure enough is asked no more than within one process', async () => {
  const texts = ['the court']
  const { routing } = await sameAnswer({ texts, tier: 'auto', minConfidence: 1 })
  assert.equal(routing.reason, 'escalated')
  assert.equal(routing.escalations, 2)
  await sameAnswer({ texts, tier: 'auto', minConfidence: 0.5 })
})

test('the time that an answer took is that on the clock of who asked, and says whether the budget was met', async () => {
  const arrivalMs = performance.now() - 5_000
  const late = await joined.classify({ arrivalMs })
  assert.ok(late.routing.actualMs >= 5_000 && late.routing.actualMs <= performance.now() - arrivalMs)
  assert.equal(late.routing.budgetMet, undefined)
  const met = await joined.classify({ tier: 'auto', budgetMs: 60_000 })
  assert.deepEqual([met.routing.budgetMet, met.routing.budgetMs], [true, 60_000])
  assert.ok(met.stages.tokenizeMs > 0 && met.stages.tokenizeMs < met.routing.actualMs)
})

test('what the classifier refuses is refused by the same code, status and sentence', async () => {
  const refusalOf = (asked: Promise<unknown>) =>
    asked.then(
      () => assert.fail('answered'),
      ({ code, statusCode, message }: LextierError) => ({ code, statusCode, message }),
    )
  const bad: [string, Partial<ClassifyRequest>][] = [
    ['FAMILY_NOT_FOUND', { family: 'none' }],
    ['INVALID_REQUEST', { texts: [] }],
    ['INVALID_REQUEST', { texts: ['the court', '<p> </p>'] }],
    ['INVALID_REQUEST', { texts: ['the court '.repeat(5_000), '<p> </p>'] }],
    ['PAYLOAD_TOO_LARGE', { texts: Array(64).fill('a '.repeat(3_000)) }],
    ['REQUEST_ABORTED', { signal: AbortSignal.abort() }],
  ]
  for (const [code, request] of bad) {
    const [there, here] = [await refusalOf(joined.classify(request)), await refusalOf(running.classify(request))]
    assert.deepEqual(there, here)
    assert.equal(there.code, code)
  }
  await assert.rejects(joined.classify({ tier: 'auto', budgetMs: 0.001, onBudgetMiss: 'reject' }), {
    code: 'BUDGET_INFEASIBLE',
    statusCode: 422,
    message: /fastest/,
  })
})

test('requests, statuses and readiness are told as the classifier tells them', () => {
  assert.deepEqual(joined.front.readiness(), running.classifier.readiness())
  assert.deepEqual(
    joined.front.families().map(({ family, version, ready }) => ({ family, version, ready })),
    running.classifier.families().map(({ family, version, ready }) => ({ family, version, ready })),
  )
})
