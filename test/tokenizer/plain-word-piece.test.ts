import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plainWordPiece } from '../../src/tokenizer/plain-word-piece.js'
import { createTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { tinyTokenizer } from '../support/tiny-tokenizer.js'

interface Definition {
  normalizer: { type: string; lowercase: boolean }
  pre_tokenizer: { type: string }
  model: { type: string; vocab: Record<string, number> }
}

const PIECES = [
  'a',
  'b',
  'ab',
  '##a',
  '##b',
  '##ba',
  'A',
  '##B',
  '7',
  '##7',
  "'",
  '’',
  '§',
  '.',
  '-',
  '—',
  '…',
  '[',
  ']',
]

/** The tiny tokenizer with a vocabulary in which many words have several readings. */
function definitionOf(change: (definition: Definition) => void = () => {}): Definition {
  const definition = JSON.parse(tinyTokenizer().json) as Definition
  const { vocab } = definition.model
  for (const piece of PIECES) vocab[piece] ??= Object.keys(vocab).length
  change(definition)
  return definition
}

const plainText = fc
  .array(
    fc.constantFrom(
      ...'abABz7§’“—…†-.[]{}~\\^_`|\'" \t\n',
      '[SEP]',
      '[sep]',
      '[MASK]',
      'ab',
      'the ',
      'a'.repeat(100),
      'b'.repeat(101),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''))

for (const lowercase of [true, false]) {
  test(`plain text has the ids of the library, lower case ${lowercase}`, async () => {
    const definition = definitionOf(({ normalizer }) => {
      normalizer.lowercase = lowercase
    })
    const library = createTokenizer(JSON.stringify(definition), 'tiny')
    const encode = plainWordPiece(definition)!
    let compared = 0
    await fc.assert(
      fc.asyncProperty(plainText, async (text) => {
        const ids = encode(text)
        if (/\[(SEP|MASK)\]/i.test(text)) return assert.equal(ids, undefined)
        assert.deepEqual(ids, (await library.encode(text)).ids)
        compared++
      }),
      { numRuns: 500 },
    )
    assert.ok(compared > 50)
  })
}

test('every character that counts as plain is read as the library reads it, alone and within a word', async () => {
  const definition = definitionOf(({ model }) => {
    for (let code = 0x21; code < 0x2100; code++) {
      const character = String.fromCharCode(code).toLowerCase()
      model.vocab[character] ??= Object.keys(model.vocab).length
      model.vocab[`##${character}`] ??= Object.keys(model.vocab).length
    }
  })
  const library = createTokenizer(JSON.stringify(definition), 'tiny')
  const encode = plainWordPiece(definition)!
  let plain = 0
  for (let code = 0; code < 0x2100; code++) {
    const text = `a${String.fromCharCode(code)}b ${String.fromCharCode(code)}`
    const ids = encode(text)
    if (!ids) continue
    plain++
    assert.deepEqual(ids, (await library.encode(text)).ids, code.toString(16))
  }
  assert.equal(plain, 98 + 19)
})

test('what the library alone can read is left to it: other scripts, accents, control characters, other tokenizers', async () => {
  const encode = plainWordPiece(definitionOf())!
  for (const text of ['naïve', '法院', 'a\u0000b', 'a\u00adb', '😀', '\u212a', 'a\ud800'])
    assert.equal(encode(text), undefined)
  for (const other of [
    { normalizer: { type: 'Lowercase' } },
    { pre_tokenizer: { type: 'Whitespace' } },
    { model: { type: 'BPE' } },
  ]) {
    assert.equal(plainWordPiece({ ...definitionOf(), ...other }), undefined)
  }
})

test('the ids of any text are those of its encoding', async () => {
  const tokenizer = createTokenizer(JSON.stringify(definitionOf()), 'tiny')
  await fc.assert(
    fc.asyncProperty(fc.oneof(plainText, fc.string({ unit: 'binary', maxLength: 40 })), async (text) => {
      assert.deepEqual(await tokenizer.encodeIds(text), (await tokenizer.encode(text)).ids)
    }),
    { numRuns: 300 },
  )
})
