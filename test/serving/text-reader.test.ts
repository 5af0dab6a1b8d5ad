import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { groupTexts, TextReader } from '../../src/serving/text-reader.js'
import { createTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { tinyTokenizer } from '../support/tiny-tokenizer.js'

const tokenizer = createTokenizer(tinyTokenizer().json, 'tiny')
const family = { name: 'tiny', tokenizer }
const reader = new TextReader([family])
after(() => reader.close())
const unlimited = { longText: 'truncate', maxRequestTokens: 0 } as const
const idsOf = async (text: string) => (await tokenizer.encode(text)).ids

test('texts are read as training reads its files: without markup, entities decoded', async () => {
  const read = await reader.read(family, ['<p>the court &amp;<br>the  judge</p>', 'the sum was < 5'], unlimited)
  assert.deepEqual(read, [await idsOf('the court & the judge'), await idsOf('the sum was < 5')])
})

test('long texts are read on a thread to the same tokens, in order', async () => {
  const long = (word: string, times: number) => `<p>${`${word} &lt; `.repeat(times)}</p>`
  const texts = [long('the', 9_000), 'the court', long('court', 40_000), 'a', long('a', 3_000)]
  const expected = [
    await idsOf('the < '.repeat(9_000)),
    await idsOf('the court'),
    await idsOf('court < '.repeat(40_000)),
    await idsOf('a'),
    await idsOf('a < '.repeat(3_000)),
  ]
  // the event loop's own tokenizer is left alone
  const encodeIds = () => assert.fail('tokenized on the event loop')
  const untouched = { name: 'tiny', tokenizer: { ...tokenizer, encodeIds, plainIds: encodeIds } }
  assert.deepEqual(await reader.read(untouched, texts, unlimited), expected)
  await assert.rejects(reader.read(untouched, ['the court'], unlimited), /tokenized on the event loop/)
})

test('a text that is markup and nothing else is refused by its place, short or long', async () => {
  const refusal = (place: string) => ({ code: 'INVALID_REQUEST', message: new RegExp(`text ${place} holds markup`) })
  await assert.rejects(reader.read(family, ['facts', '<p> </p>'], unlimited), refusal('2 of 2'))
  const long = ['the court '.repeat(30_000), 'facts', '<br>'.repeat(30_000)]
  await assert.rejects(reader.read(family, long, unlimited), refusal('3 of 3'))
})

test('long texts of too many tokens are refused before all of them are read', async () => {
  const texts = Array.from({ length: 6 }, () => 'the court '.repeat(30_000))
  await assert.rejects(reader.read(family, texts, { longText: 'windows', maxRequestTokens: 1_000 }), {
    code: 'PAYLOAD_TOO_LARGE',
    message: /more than 1000 tokens/,
  })
})

test('a caller that has gone ends the reading', async () => {
  const texts = ['the court '.repeat(30_000)]
  await assert.rejects(reader.read(family, texts, { ...unlimited, signal: AbortSignal.abort() }), {
    code: 'REQUEST_ABORTED',
  })
})

test('groups hold every text once, in order, and no more than their size unless a text alone is longer', () =>
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1, maxLength: 20 })),
      fc.integer({ min: 1, max: 30 }),
      (texts, most) => {
        const groups = groupTexts(texts, most)
        assert.deepEqual(
          groups.flatMap((group) => group.texts),
          texts,
        )
        for (const { first, texts: group } of groups) {
          assert.equal(texts[first], group[0])
          assert.ok(group.length === 1 || group.join('').length <= most)
        }
      },
    ),
  ))
