import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestAborted } from '../../../src/errors.js'
import { ClassifierHost } from '../../../src/serving/remote/classifier-host.js'
import type { FrontMessage, HostMessage } from '../../../src/serving/remote/protocol.js'
import type { ClassifyRequest } from '../../../src/serving/types.js'
import { deferred } from '../../support/deferred.js'
import { FakeServed, READY, tokenizerOf } from './fake-served.js'
import { turns } from './joined.js'

function hostOf(served: FakeServed) {
  const sent: HostMessage[] = []
  const host = new ClassifierHost(served, (message) => sent.push(message))
  /** @returns the kinds of what was sent since it was asked last */
  const news = () => sent.splice(0).map(({ type }) => type)
  return { host, sent, news }
}

function calls(count: number, tokenizer = tokenizerOf(0).hash): FrontMessage {
  const request = { tier: 'fast', onBudgetMiss: 'fastest', longText: 'windows' } as const
  const one = { request, arrivalMs: 0, tokenizer, lengths: [1], tokenizeMs: 1 }
  return {
    type: 'calls',
    calls: Array.from({ length: count }, (_, id) => ({ id, ...one })),
    tokens: Int32Array.from({ length: count }, (_, id) => id),
  }
}

/** Answers nothing, and refuses when its caller goes. */
function neverAnswering(served: FakeServed): void {
  served.answer = ({ signal }: ClassifyRequest) => {
    const { promise, reject } = deferred<never>()
    signal!.addEventListener('abort', () => reject(new RequestAborted()))
    return promise
  }
}

test('readiness is told when it has changed, and only then', () => {
  const served = new FakeServed()
  const { host, news } = hostOf(served)
  host.tellReadiness()
  host.tellReadiness()
  assert.deepEqual(news(), ['tokenizers', 'state', 'readiness'], 'families are known to be ready before the server is')
  served.ready = { ...READY, ready: false, reasons: ['an engine stopped'] }
  host.tellReadiness()
  host.tellReadiness()
  assert.deepEqual(news(), ['readiness'])
})

test('what is served is told when it has changed, after the tokenizers that it needs anew', () => {
  const served = new FakeServed()
  const { host, sent, news } = hostOf(served)
  host.tellState()
  assert.deepEqual(sent[0], { type: 'tokenizers', definitions: { [tokenizerOf(0).hash]: tokenizerOf(0).definition } })
  assert.deepEqual(news(), ['tokenizers', 'state'])
  host.tellState()
  assert.deepEqual(news(), [])
  served.tokenizers = { ...served.tokenizers, other: tokenizerOf(0) }
  host.tellState()
  assert.deepEqual(news(), ['state'], 'another family with a tokenizer that is known')
  served.tokenizers = { other: tokenizerOf(1) }
  host.tellState()
  assert.deepEqual(news(), ['tokenizers', 'state'])
  served.tokenizers = { other: tokenizerOf(0) }
  host.tellState()
  assert.deepEqual(news(), ['tokenizers', 'state'], 'it was forgotten there')
})

test('each call has the tokens that are its own', async () => {
  const served = new FakeServed()
  const { host } = hostOf(served)
  host.receive(calls(3))
  assert.deepEqual(
    served.asked.map(({ read }) => [...read!.ids[0]!]),
    [[0], [1], [2]],
  )
  await turns(2)
})

test('an abort ends the work of its call alone', async () => {
  const served = new FakeServed()
  neverAnswering(served)
  const { host, sent } = hostOf(served)
  host.receive(calls(3))
  host.receive({ type: 'abort', id: 1 })
  host.receive({ type: 'abort', id: 99 })
  await turns(2)
  assert.equal(host.pending, 2)
  assert.deepEqual(
    served.asked.map(({ signal }) => signal!.aborted),
    [false, true, false],
  )
  assert.equal(sent.length, 1)
})

test('a process that is gone takes all its callers along, and what it wrote before begins nothing', async () => {
  const served = new FakeServed()
  neverAnswering(served)
  const { host } = hostOf(served)
  host.receive(calls(3))
  host.close()
  host.receive(calls(2))
  await turns(2)
  assert.equal(host.pending, 0)
  assert.equal(served.asked.length, 3)
  assert.ok(served.asked.every(({ signal }) => signal!.aborted))
})
