import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sharedTokenizer } from '../../src/tokenizer/shared-tokenizer.js'
import { loadTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { tinyTokenizer } from '../support/tiny-tokenizer.js'

test('files that say the same share a tokenizer; others have their own, and a broken one is named', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-shared-tokenizer-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const { json } = tinyTokenizer()
  const files = { one: json, same: json, other: json.replace('"court":', '"curia":'), broken: json.slice(1) }
  for (const [name, definition] of Object.entries(files)) await writeFile(join(folder, name), definition)
  const shared = (name: string) => sharedTokenizer(join(folder, name))
  assert.equal(shared('one'), shared('same'))
  assert.notEqual(shared('one'), shared('other'))
  const text = 'the court held'
  assert.deepEqual(await shared('same').encodeIds(text), await loadTokenizer(join(folder, 'one')).encodeIds(text))
  assert.notDeepEqual(await shared('other').encodeIds(text), await shared('one').encodeIds(text))
  for (let i = 0; i < 2; i++) assert.throws(() => shared('broken'), { code: 'TOKENIZER_INVALID', message: /broken/ })
  assert.throws(() => shared('missing'), { code: 'TOKENIZER_INVALID', message: /missing/ })
})
