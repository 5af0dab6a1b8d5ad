import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Questions } from '../../src/threads/questions.js'

test('each question gets the answer under its own id, in whatever order they come, and what nobody asked is dropped', async () => {
  const questions = new Questions<string>()
  const sent: number[] = []
  const asked = [1, 2, 3].map(() => questions.ask((id) => sent.push(id)))
  questions.answered(99, 'to nobody')
  for (const id of sent.toReversed()) questions.answered(id, `answer ${id}`)
  questions.answered(sent[0]!, 'too late')
  assert.deepEqual(
    await Promise.all(asked),
    sent.map((id) => `answer ${id}`),
  )
})

test('one that is not answered in time gets nothing, and a late answer is dropped', async () => {
  const questions = new Questions<string>()
  const sent: number[] = []
  assert.equal(await questions.askInTime((id) => sent.push(id), 5), undefined)
  questions.answered(sent[0]!, 'too late')
  const next = questions.askInTime((id) => sent.push(id), 60_000)
  questions.answered(sent[1]!, 'in time')
  assert.equal(await next, 'in time')
})
