import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SoakAnswers } from '../../../bench/soak/soak-answers.js'
import type { SoakRequest } from '../../../bench/soak/soak-turn.js'

const request: SoakRequest = { family: 'tiny', tier: 'fast', texts: ['a'] }
const answer = (probability: number, changed: object = {}) => ({
  body: { family: 'tiny', tier: 'fast', predictions: [{ label: 'wins', probability }], ...changed },
})

test('answers, refusals and failures are told apart', () => {
  const answers = new SoakAnswers()
  answers.add(request, answer(0.7))
  answers.add(request, answer(0.7001))
  answers.add(request, { body: { code: 'OVERLOADED' } })
  answers.add(request, { body: { code: 'NOT_READY' } })
  answers.add(request, { errorCode: 'CLIENT_TIMEOUT' })
  answers.add(request, { errorCode: 'LINE_LOST' })
  assert.deepEqual(answers.counts, {
    answered: 2,
    refused: { OVERLOADED: 1 },
    failed: { NOT_READY: 1, CLIENT_TIMEOUT: 1, LINE_LOST: 1 },
  })
})

test('an answer to something else, or another one than before, is a failure', () => {
  const answers = new SoakAnswers()
  answers.add(request, answer(0.7))
  answers.add(request, answer(0.72))
  answers.add(request, answer(0.7, { family: 'other' }))
  answers.add(request, answer(0.7, { tier: 'teacher' }))
  answers.add({ ...request, texts: ['a', 'b'] }, answer(0.7))
  assert.deepEqual(answers.counts.failed, { CHANGED_ANSWER: 1, WRONG_ANSWER: 3 })
  // another text, or another tier's answer, may differ
  answers.add({ ...request, texts: ['b'] }, answer(0.4))
  answers.add({ ...request, tier: 'auto' }, answer(0.2, { tier: 'teacher' }))
  assert.equal(answers.counts.answered, 3)
})
