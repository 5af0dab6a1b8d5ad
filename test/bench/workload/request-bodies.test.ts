import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestBodies } from '../../../bench/workload/request-bodies.js'
import { createRandom } from '../../../training/random.js'

const texts = Array.from({ length: 10 }, (_, i) => ({
  body: Buffer.from(JSON.stringify({ text: `text ${i} "é"` })),
  tokens: i,
  sequences: [],
}))

test('one text a request is the texts as they are', () => {
  assert.deepEqual(
    requestBodies(texts, 1, createRandom(1)),
    texts.map(({ body }) => body),
  )
})

test('requests of several texts have as many, and every text comes as often as any other', () => {
  const bodies = requestBodies(texts, 7, createRandom(1)).map((body) => JSON.parse(String(body)) as { texts: string[] })
  assert.ok(bodies.every((body) => body.texts.length === 7))
  const counts = new Map<string, number>()
  for (const text of bodies.flatMap((body) => body.texts)) counts.set(text, (counts.get(text) ?? 0) + 1)
  assert.equal(counts.size, 10)
  assert.ok(Math.max(...counts.values()) - Math.min(...counts.values()) <= 1)
})
