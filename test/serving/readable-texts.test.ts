import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readableTexts } from '../../src/serving/readable-texts.js'

test('texts are read as training reads its files: without markup, entities decoded', async () => {
  assert.deepEqual(await readableTexts(['<p>Smith &amp; Sons<br>v. Ohio</p>', 'the sum was < 5 dollars']), [
    'Smith & Sons v. Ohio',
    'the sum was < 5 dollars',
  ])
})

test('a text that is markup and nothing else is refused by its place', async () => {
  await assert.rejects(readableTexts(['facts', '<p> </p>']), {
    code: 'INVALID_REQUEST',
    message: /text 2 of 2 holds markup/,
  })
})
