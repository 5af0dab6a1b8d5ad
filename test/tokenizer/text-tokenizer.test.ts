import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { splitAtWhitespace } from '../../src/tokenizer/text-chunks.js'
import { loadTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { codePointOffsetsToUtf16 } from '../../src/tokenizer/utf16-offsets.js'

const folder = mkdtempSync(join(tmpdir(), 'lextier-tokenizer-'))
after(() => rmSync(folder, { recursive: true }))

const words = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'the',
  'court',
  'convict',
  '##ed',
  'naive',
  '😀',
  'was',
  '.',
]

/** A WordPiece tokenizer written for these tests; it prescribes truncation and padding, as published ones do. */
const definition = {
  version: '1.0',
  truncation: { direction: 'Right', max_length: 4, strategy: 'LongestFirst', stride: 0 },
  padding: {
    strategy: { Fixed: 16 },
    direction: 'Right',
    pad_to_multiple_of: null,
    pad_id: 0,
    pad_type_id: 0,
    pad_token: '[PAD]',
  },
  added_tokens: words.slice(0, 5).map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: null,
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(words.map((word, id) => [word, id])),
  },
}
const file = join(folder, 'tokenizer.json')
writeFileSync(file, JSON.stringify(definition))
const tokenizer = loadTokenizer(file)

test('special ids and the vocabulary size come from the file', () => {
  assert.deepEqual(
    [tokenizer.padId, tokenizer.unkId, tokenizer.clsId, tokenizer.sepId, tokenizer.maskId, tokenizer.vocabSize],
    [0, 1, 2, 3, 4, words.length],
  )
})

test('ids come without special tokens, and the truncation and padding of the file are ignored', async () => {
  const encoded = await tokenizer.encode('The court convicted the court.')
  assert.deepEqual([...encoded.ids], [5, 6, 7, 8, 5, 6, 12])
})

test('offsets are UTF-16 code units, so that a slice of the text is what the token came from', async () => {
  const text = 'The 😀 was naïve, convicted'
  const encoded = await tokenizer.encode(text)
  assert.deepEqual(
    encoded.offsets().map(({ start, end }) => text.slice(start, end)),
    ['The', '😀', 'was', 'naïve', ',', 'convict', 'ed'],
  )
})

test('a text of 150,000 tokens is encoded in pieces with the tokens and offsets of the whole', async () => {
  const sentence = '😀 the court convicted\nthe court. '
  const repeats = 20_000
  const encoded = await tokenizer.encode(sentence.repeat(repeats))
  const once = await tokenizer.encode(sentence)
  assert.equal(encoded.ids.length, once.ids.length * repeats)
  assert.ok(encoded.ids.every((id, index) => id === once.ids[index % once.ids.length]))
  const last = encoded.offsets().at(-1)!
  assert.deepEqual(last, { start: sentence.length * repeats - 2, end: sentence.length * repeats - 1 })
})

test('any string of UTF-16 code units is encoded, lone surrogates included, with offsets inside the text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), fc.nat({ max: 60 }), async (start, cut) => {
      const text = `${start}😀\ud800 court \udc00`.slice(cut)
      const encoded = await tokenizer.encode(text)
      for (const { start, end } of encoded.offsets()) {
        assert.ok(start >= 0 && start <= end && end <= text.length, `${start}..${end} of ${text.length}`)
      }
    }),
    { numRuns: 200 },
  )
})

test('an empty text has no tokens', async () => {
  const encoded = await tokenizer.encode('')
  assert.equal(encoded.ids.length, 0)
  assert.deepEqual(encoded.offsets(), [])
})

test('a batch is encoded in order', async () => {
  const encoded = await tokenizer.encodeBatch(['the', 'court', ''])
  assert.deepEqual(
    encoded.map(({ ids }) => [...ids]),
    [[5], [6], []],
  )
})

test('a file that is missing, is no tokenizer or lacks a special token is named', () => {
  assert.throws(() => loadTokenizer(join(folder, 'none.json')), { code: 'TOKENIZER_INVALID', message: /none\.json/ })
  const broken = join(folder, 'broken.json')
  writeFileSync(broken, '{"a":1}')
  assert.throws(() => loadTokenizer(broken), { code: 'TOKENIZER_INVALID', message: /broken\.json/ })
  const vocab = { '[UNK]': 0, '[PAD]': 1, '[CLS]': 2 }
  writeFileSync(broken, JSON.stringify({ ...definition, added_tokens: [], model: { ...definition.model, vocab } }))
  assert.throws(() => loadTokenizer(broken), { code: 'TOKENIZER_INVALID', message: /\[SEP\]/ })
})

test('pieces cut at whitespace join to the text, and all but the first begin with whitespace', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', ' ', '\n', '😀', 'bc'), { maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (parts, codeUnits) => {
        const text = parts.join('')
        const pieces = splitAtWhitespace(text, codeUnits)
        assert.equal(pieces.join(''), text)
        for (const piece of pieces.slice(1)) assert.match(piece, /^[ \n]/)
      },
    ),
  )
})

test('code points become code units, one lone surrogate counting as one of either', () => {
  assert.deepEqual(
    codePointOffsetsToUtf16('a\ud800b😀c', [
      [0, 1],
      [2, 3],
      [3, 4],
      [4, 5],
    ]),
    [
      [0, 1],
      [2, 3],
      [3, 5],
      [5, 6],
    ],
  )
})
