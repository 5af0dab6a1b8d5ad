import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { loadTokenizer } from '../../../src/tokenizer/text-tokenizer.js'
import { type CorpusFileOptions, openCorpus } from '../../../training/data/corpus-file.js'
import { corpusWindows } from '../../../training/data/corpus-windows.js'
import { tinyTokenizer } from '../../support/tiny-tokenizer.js'
import { tableFile } from './table-file.js'

const JSONL = [
  '{"id":"a","text":"The court <b>affirmed</b> the judgment &amp; the order."}',
  '{"id":"b","text":"A hearing was held in Ohio before the magistrate."}',
  '{"id":"c"}',
  '',
].join('\n')
const TEXTS = ['The court affirmed the judgment & the order.', 'A hearing was held in Ohio before the magistrate.']
/** JSONL above through `xz -9` of XZ Utils 5.4 */
const XZ =
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4ACcAHldAD2IiSaBk1OFsX6LQKVh6DgbDpORW6OWY12bSYxbCV+vA3q6Ozfa9PAFgWpKLr8mIwqlyJ7pRuWC/6laopU/C9e71DcZp34oyYOgMeu+ymJ0PsY97CjGEAkpr2VCruK3yhobMJGtwM8rUzK5NkTnXT1I9OFTTCvb++AAAAAA/Rd+wMVbqt0AAZUBnQEAANMpdv2xxGf7AgAAAAAEWVo='

async function read(context: TestContext, name: string, content: string | Buffer, options: CorpusFileOptions = {}) {
  const corpus = openCorpus(await tableFile(context, name, content), options)
  const texts: string[] = []
  for await (const text of corpus.documents) texts.push(text)
  return { texts, summary: corpus.summary() }
}

test('a corpus is the same plain and compressed: its texts without markup, its hash, what was skipped and why', async (context) => {
  const plain = await read(context, 'corpus.jsonl', JSONL)
  assert.deepEqual(plain.texts, TEXTS)
  assert.deepEqual(
    { ...plain.summary, sha256: '' },
    {
      sha256: '',
      rows: 3,
      documents: 2,
      characters: TEXTS.join('').length,
      skipped: [{ reason: 'there is no field "text"', count: 1, firstRow: 3 }],
    },
  )
  assert.deepEqual(await read(context, 'corpus.jsonl.gz', gzipSync(JSONL)), plain)
  assert.deepEqual(await read(context, 'corpus.jsonl.xz', Buffer.from(XZ, 'base64')), plain)
  assert.notEqual(
    (await read(context, 'corpus.jsonl', JSONL, { maxDocuments: 1 })).summary.sha256,
    plain.summary.sha256,
  )
})

test('rows that are broken, blank or no text are skipped and counted; another field may hold the text', async (context) => {
  const lines = ['{"body":"kept <i>text</i>"}', '{broken', '{"body":"  "}', '{"body":["no text"]}', '{broken too', '[]']
  const { texts, summary } = await read(context, 'corpus.ndjson', lines.join('\n'), { textField: 'body', html: 'keep' })
  assert.deepEqual(texts, ['kept <i>text</i>'])
  assert.deepEqual(summary.skipped, [
    { reason: 'not valid JSON; each line must be one JSON object', count: 2, firstRow: 2 },
    { reason: 'the text is blank', count: 1, firstRow: 3 },
    { reason: 'the field "body" is no text', count: 1, firstRow: 4 },
    { reason: 'not a JSON object; write {"column": value, …}', count: 1, firstRow: 6 },
  ])
})

test('plain text is one document for every paragraph', async (context) => {
  const long = 'x '.repeat(200_000)
  const { texts } = await read(context, 'corpus.txt', `\nfirst\r\nline\r\n\r\n\r\nsecond\n  \n${long}\nend`)
  assert.deepEqual(texts, ['first line', 'second', `${long}end`])
})

test('archives that are cut short, other endings, other encodings and corpora without a text are refused', async (context) => {
  const refused = (name: string, content: string | Buffer, message: RegExp) =>
    assert.rejects(read(context, name, content), { code: 'DATA_INVALID', message })
  await refused('corpus.jsonl.gz', gzipSync(JSONL.repeat(500)).subarray(0, 100), /cannot be decompressed .*cut short/)
  await refused('corpus.jsonl.xz', Buffer.from(XZ, 'base64').subarray(0, 120), /cannot be decompressed .*cut short/)
  await refused('corpus.jsonl.xz', JSONL, /cannot be decompressed/)
  await refused('corpus.csv', 'text\nhello\n', /\.jsonl, \.ndjson or \.txt/)
  await refused('corpus.txt', Buffer.from([0x61, 0x0a, 0xff, 0x0a]), /line 2 is not valid UTF-8/)
  await refused('corpus.jsonl', '{"id":1}\n{"id":2}\n', /no document \(2 rows: there is no field "text"\)/)
  await refused('corpus.txt', '', /no document$/)
  const missing = openCorpus('/nowhere/corpus.jsonl.gz').documents.next()
  await assert.rejects(missing, { code: 'DATA_INVALID', message: /cannot be read/ })
})

test('documents are cut into full windows with special tokens; equal texts are on one side whatever their order', async (context) => {
  const tokenizer = loadTokenizer(await tableFile(context, 'tokenizer.json', tinyTokenizer().json))
  const document = (i: number) => `the court of ${'state law '.repeat(i % 5)} held case ${i}`
  const texts = Array.from({ length: 120 }, (_, i) => document(i))
  texts.push(document(3), 'the')
  const windows = async (lines: readonly string[], seed = 1) => {
    const file = await tableFile(context, 'corpus.jsonl', lines.map((text) => JSON.stringify({ text })).join('\n'))
    return corpusWindows('corpus', openCorpus(file), tokenizer, {
      maxTokens: 10,
      validation: 0.2,
      seed,
      minTokens: 4,
    })
  }
  const { train, validation, trainTokens, tooShort } = await windows(texts)
  assert.equal(tooShort, 1)
  assert.ok(Math.abs(validation.length / (train.length + validation.length) - 0.2) < 0.08)
  assert.equal(
    trainTokens,
    train.reduce((sum, window) => sum + window.length - 2, 0),
  )
  for (const window of [...train, ...validation]) {
    assert.ok(window.length <= 10)
    assert.equal(window[0], tokenizer.clsId)
    assert.equal(window.at(-1), tokenizer.sepId)
  }
  const keys = (side: readonly Int32Array[]) => new Set(side.map((window) => window.join()))
  assert.deepEqual(keys((await windows(texts.toReversed())).validation), keys(validation))
  assert.notDeepEqual(keys((await windows(texts, 2)).validation), keys(validation))
  const { ids } = await tokenizer.encode(document(4))
  const covered = [...keys(train), ...keys(validation)].join(',').split(',')
  for (const id of ids) assert.ok(covered.includes(String(id)))
  await assert.rejects(windows(['the court of state law held case']), {
    code: 'DATA_INVALID',
    message: /on the (train|validation) side/,
  })
})
