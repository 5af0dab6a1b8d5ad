import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CallerSignal } from '../../../src/caller-signal.js'
import { NotReady, Overloaded } from '../../../src/errors.js'
import type { CallsMessage } from '../../../src/serving/remote/protocol.js'
import type { ClassifyResult } from '../../../src/serving/types.js'
import { deferred } from '../../support/deferred.js'
import { answerTo, FakeServed, READY, tokenizerOf } from './fake-served.js'
import { join, turns } from './joined.js'

const TEXTS = ['the court', 'the jury held', 'law', 'the district court of appeal']

test('calls of one turn cross in one message, and each has its own answer', async () => {
  const { classify, toHost, toFront, answered } = await join(new FakeServed())
  const told = toFront.length
  const lone = await Promise.all(
    TEXTS.map((text) => join(new FakeServed()).then((one) => one.classify({ texts: [text] }))),
  )
  const together = await Promise.all(TEXTS.map((text) => classify({ texts: [text] })))
  assert.deepEqual(
    together.map(({ predictions }) => predictions),
    lone.map(({ predictions }) => predictions),
  )
  assert.equal(new Set(together.map(({ predictions }) => predictions[0]!.label)).size, TEXTS.length)
  assert.equal(toHost.length, 1)
  assert.equal(toFront.length - told, 1)
  assert.equal(answered.length, TEXTS.length)
})

test('texts do not cross, only their tokens', async () => {
  const { classify, toHost } = await join(new FakeServed())
  await classify({ texts: TEXTS })
  assert.doesNotMatch(JSON.stringify(toHost), /court|jury/)
  const { calls, tokens } = toHost[0] as CallsMessage
  assert.deepEqual(calls[0]!.lengths, [2, 3, 1, 5])
  assert.equal(tokens.length, 11)
})

test('answers arrive in whatever order they are given', async () => {
  const served = new FakeServed()
  const first = deferred<ClassifyResult>()
  served.answer = (request) => (request.tier === 'teacher' ? first.promise : answerTo(request))
  const { classify, host } = await join(served)
  const slow = classify({ tier: 'teacher' })
  const quick = await classify({ texts: ['law'] })
  assert.equal(quick.predictions[0]!.tokens, 1)
  assert.equal(host.pending, 1)
  first.resolve(answerTo(served.asked[0]!))
  assert.equal((await slow).predictions[0]!.tokens, 2)
  assert.equal(host.pending, 0)
})

test('an answer says whether the budget was met where the caller is, not where it was made', async () => {
  const served = new FakeServed()
  served.answer = (request) => answerTo(request, { budgetMs: 25, actualMs: 1, budgetMet: true })
  const { classify, answered } = await join(served)
  const late = await classify({ arrivalMs: performance.now() - 1_000 })
  assert.ok(late.routing.actualMs >= 1_000)
  assert.equal(late.routing.budgetMet, false)
  assert.deepEqual(answered, [late], 'and so the figures say')
})

test('a moment of arrival crosses as the same moment', async () => {
  const served = new FakeServed()
  const { classify } = await join(served)
  const arrivalMs = performance.now() - 20
  await classify({ arrivalMs })
  assert.ok(Math.abs(served.asked[0]!.arrivalMs - arrivalMs) < 0.001)
})

test('a refusal arrives with its code, status, sentence and when to come again, and is counted once', async () => {
  const served = new FakeServed()
  served.answer = () => Promise.reject(Object.assign(new Overloaded('fast', 64), { retryAfterSeconds: 7 }))
  const { classify, rejected } = await join(served)
  await assert.rejects(classify(), {
    code: 'OVERLOADED',
    statusCode: 503,
    message: new Overloaded('fast', 64).message,
    retryAfterSeconds: 7,
  })
  assert.deepEqual(rejected, ['OVERLOADED'])
})

test('an error that is not ours is counted as INTERNAL, and one that fails does not fail its neighbours', async () => {
  const served = new FakeServed()
  served.answer = (request) => {
    if (request.tier === 'teacher') throw new TypeError('the petitioner')
    return answerTo(request)
  }
  const { classify, rejected } = await join(served)
  const [good, bad] = await Promise.allSettled([classify(), classify({ tier: 'teacher' })])
  assert.equal(good.status, 'fulfilled')
  assert.ok(bad.status === 'rejected' && bad.reason.message === '' && bad.reason.name === 'TypeError')
  assert.deepEqual(rejected, ['INTERNAL'])
})

test('a caller that goes away ends its work there, at once here', async () => {
  const served = new FakeServed()
  const never = deferred<ClassifyResult>()
  served.answer = () => never.promise
  const { classify, host, rejected } = await join(served)
  const signal = new CallerSignal()
  const asked = classify({ signal })
  await turns(3)
  assert.equal(served.asked[0]!.signal!.aborted, false)
  signal.abort()
  await assert.rejects(asked, { code: 'REQUEST_ABORTED' })
  await turns(2)
  assert.equal(served.asked[0]!.signal!.aborted, true)
  assert.deepEqual(rejected, ['REQUEST_ABORTED'])
  never.resolve(answerTo(served.asked[0]!))
  await turns(3)
  assert.equal(host.pending, 0, 'an answer that nobody waits for is no fault')
})

test('a caller that goes in the turn that it came in is never worked for', async () => {
  const served = new FakeServed()
  const { classify, toHost } = await join(served)
  const signal = new CallerSignal()
  const asked = assert.rejects(classify({ signal }), { code: 'REQUEST_ABORTED' })
  const other = classify({ texts: ['law'] })
  // until the texts are read: the call then waits for the end of the turn
  for (let i = 0; i < 20; i++) await Promise.resolve()
  signal.abort()
  await asked
  assert.equal((await other).predictions[0]!.tokens, 1)
  await turns(3)
  assert.equal(served.asked.length, 1)
  assert.equal(toHost.filter(({ type }) => type === 'calls').length, 1)
})

test('a signal is listened to no longer than its request takes', async () => {
  const served = new FakeServed()
  const { classify, toHost } = await join(served)
  const signal = new CallerSignal()
  await classify({ signal })
  served.answer = () => Promise.reject(new NotReady('warming up'))
  await assert.rejects(classify({ signal }), { code: 'NOT_READY' })
  const before = toHost.length
  signal.abort()
  await turns(2)
  assert.equal(toHost.length, before, 'no abort is sent for what is answered')
})

test('texts that were read for a version that is gone are read again, and answered as the new one reads them', async () => {
  const served = new FakeServed()
  const { classify, toHost, front } = await join(served)
  const before = await classify()
  served.tokenizers = { tiny: tokenizerOf(1) }
  const [one, two] = await Promise.all([classify(), classify({ texts: ['law'] })])
  const calls = toHost.slice(1).flatMap((message) => (message as CallsMessage).calls)
  assert.equal(calls.length, 4, 'each was read twice')
  assert.equal(one.predictions[0]!.label, before.predictions[0]!.label.split(' ').reverse().join(' '))
  assert.equal(two.predictions[0]!.tokens, 1)
  assert.equal(front.served.families[0]!.tokenizer, tokenizerOf(1).hash)
  assert.deepEqual(
    served.asked.slice(-2).map(({ read }) => read!.tokenizer),
    [tokenizerOf(1).hash, tokenizerOf(1).hash],
  )
})

test('a family that changes faster than texts are read is not ready', async () => {
  const served = new FakeServed()
  const { classify, rejected } = await join(served)
  const { classify: ask } = served.classifier
  let version = 0
  served.classifier.classify = (request) => {
    served.tokenizers = { tiny: tokenizerOf(++version) }
    return ask(request)
  }
  await assert.rejects(classify(), { code: 'NOT_READY', statusCode: 503, message: /being replaced/ })
  assert.equal(version, 3)
  assert.deepEqual(rejected, ['NOT_READY'])
})

test('who names no family is answered by the default of the moment, not by the one told last', async () => {
  const served = new FakeServed()
  const { classify } = await join(served)
  served.tokenizers = { other: tokenizerOf(0) }
  assert.equal((await classify()).family, 'other', 'with the same tokenizer')
  served.tokenizers = { third: tokenizerOf(1) }
  assert.equal((await classify()).family, 'third', 'with another one')
})

test('a family that it was not told of yet is asked for all the same', async () => {
  const served = new FakeServed()
  const { classify } = await join(served)
  served.tokenizers = { ...served.tokenizers, other: tokenizerOf(1) }
  assert.equal((await classify({ family: 'other' })).predictions[0]!.tokens, 2)
})

test('a head that was refused is refused for a moment without asking; one that says less, or after that moment, is not', async () => {
  const served = new FakeServed()
  served.answer = () => Promise.reject(new Overloaded('fast', 64))
  served.refuses = () => new Overloaded('fast', 64)
  const { classify, front } = await join(served)
  const head = { tier: 'fast', budgetMs: 25 } as const
  assert.equal(front.refusal({ ...head, arrivalMs: performance.now() }), undefined)
  await assert.rejects(classify(head), { code: 'OVERLOADED' })
  const arrivalMs = performance.now()
  assert.equal((front.refusal({ ...head, arrivalMs }) as { code?: string }).code, 'OVERLOADED')
  assert.ok(front.refusal({ ...head, family: 'tiny', arrivalMs }), 'there is one family')
  assert.equal(front.refusal({ arrivalMs }), undefined)
  assert.equal(front.refusal({ budgetMs: 25, arrivalMs }), undefined)
  assert.equal(front.refusal({ ...head, family: 'other', arrivalMs }), undefined)
  assert.equal(front.refusal({ ...head, arrivalMs: arrivalMs + 10 }), undefined)
})

test('auto says enough only with a budget, and where there are several families a head must name one', async () => {
  const served = new FakeServed()
  served.tokenizers = { tiny: tokenizerOf(0), other: tokenizerOf(0) }
  served.answer = () => Promise.reject(new Overloaded('auto', 64))
  served.refuses = () => new Overloaded('auto', 64)
  const { classify, front } = await join(served)
  for (const budgetMs of [undefined, 25]) {
    await assert.rejects(classify({ family: 'tiny', tier: 'auto', ...(budgetMs && { budgetMs }) }), {
      code: 'OVERLOADED',
    })
  }
  const arrivalMs = performance.now()
  assert.equal(front.refusal({ family: 'tiny', tier: 'auto', arrivalMs }), undefined)
  assert.ok(front.refusal({ family: 'tiny', tier: 'auto', budgetMs: 25, arrivalMs }))
  assert.equal(front.refusal({ tier: 'auto', budgetMs: 25, arrivalMs }), undefined)
})

test('a request that is too large for the room that is left does not have smaller ones refused unasked', async () => {
  const served = new FakeServed()
  served.answer = () => Promise.reject(new Overloaded('fast', 3))
  const { classify, front } = await join(served)
  const head = { tier: 'fast', budgetMs: 25 } as const
  await assert.rejects(classify({ ...head, texts: TEXTS }), { code: 'OVERLOADED' })
  assert.equal(front.refusal({ ...head, arrivalMs: performance.now() }), undefined)
})

test('before it is told what is served, it is starting and knows no family', async () => {
  const served = new FakeServed()
  served.tokenizers = {}
  served.ready = { ...READY, ready: false, starting: true, reasons: ['loading'] }
  const { front, host } = await join(served)
  assert.deepEqual(front.readiness(), served.ready)
  assert.deepEqual(front.families(), [])
  served.ready = READY
  host.tellReadiness()
  await turns(2)
  assert.deepEqual(front.readiness(), READY)
})
