import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FamilyManifest } from '../../../src/family/family-schema.js'
import { RemoteTexts } from '../../../src/serving/remote/remote-texts.js'
import type { ClassifyRequest } from '../../../src/serving/types.js'
import { tokenizerOf } from './fake-served.js'

const [first, second] = [tokenizerOf(0), tokenizerOf(1)]
const familiesOf = (tokenizers: Record<string, { hash: string }>) =>
  Object.entries(tokenizers).map(([name, { hash }]) => ({
    manifest: { name } as FamilyManifest,
    version: hash,
    tokenizer: hash,
  }))
const requestOf = (texts: readonly string[]): ClassifyRequest => ({
  texts,
  tier: 'fast',
  onBudgetMiss: 'fastest',
  longText: 'truncate',
  arrivalMs: 0,
})
const threads = () => readdirSync('/proc/self/task').length

function textsOf(tokenizers: Record<string, { hash: string }>): RemoteTexts {
  const texts = new RemoteTexts()
  for (const { hash, definition } of [first, second]) texts.add({ [hash]: definition })
  texts.serve(familiesOf(tokenizers))
  return texts
}

test('each family is read with its own tokenizer, and the hash of it says so', async () => {
  const texts = textsOf({ a: first, b: second })
  const [a, b] = [await texts.read('a', requestOf(['the court'])), await texts.read('b', requestOf(['the court']))]
  assert.deepEqual([a.tokenizer, b.tokenizer], [first.hash, second.hash])
  assert.deepEqual([...a.ids[0]!].reverse(), [...b.ids[0]!])
})

test('a family that is not known is not read: who has the families says what is wrong', async () => {
  const read = await textsOf({ a: first }).read('b', requestOf(['the court']))
  assert.deepEqual(read, { ids: [], tokenizer: '', tokenizeMs: 0 })
})

test('definitions that no family uses are not kept', () => {
  const texts = textsOf({ a: first, b: second })
  texts.serve(familiesOf({ a: first }))
  assert.throws(() => texts.serve(familiesOf({ a: first, b: second })))
  const again = textsOf({ a: first, b: second })
  again.serve(familiesOf({ a: first }))
  again.add({ [second.hash]: second.definition })
  again.serve(familiesOf({ a: first, b: second }))
})

test('what is being read when the families change is read to its end, and the thread that reads it then ends', async () => {
  const texts = textsOf({ a: first })
  const before = threads()
  const long = requestOf(Array.from({ length: 4 }, () => 'the court '.repeat(30_000)))
  const reading = texts.read('a', long)
  texts.add({ [second.hash]: second.definition })
  texts.serve(familiesOf({ a: second }))
  const after = texts.read('a', requestOf(['the court '.repeat(20_000)]))
  const { ids, tokenizer } = await reading
  assert.equal(tokenizer, first.hash)
  assert.deepEqual(
    ids.map(({ length }) => length),
    [60_000, 60_000, 60_000, 60_000],
  )
  const read = await after
  assert.equal(read.tokenizer, second.hash)
  assert.deepEqual([...read.ids[0]!.subarray(0, 2)], [...ids[0]!.subarray(0, 2)].reverse())
  await texts.close()
  for (let waited = 0; threads() > before && waited < 10_000; waited += 20) await sleep(20)
  assert.ok(threads() <= before, 'a thread is left')
})
