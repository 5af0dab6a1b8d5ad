import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { DatasetOptions } from '../../../training/data/dataset.js'
import { readDataset } from '../../../training/data/read-dataset.js'
import { tableFile } from './table-file.js'

const COLUMNS = { textColumn: 'facts', labelColumn: 'winner' }
const read = async (
  context: TestContext,
  content: string | Buffer,
  options: Partial<DatasetOptions> = {},
  name = 'cases.csv',
) => readDataset(await tableFile(context, name, content), { ...COLUMNS, ...options })
const refusal = (code: string, message: RegExp) => ({ code, message })

test('a CSV becomes examples with sorted labels, row numbers, counts and the hash of its bytes', async (context) => {
  const content = 'id,facts,winner\r\na,"One, ""two""\r\nthree",TRUE\r\nb,Four,FALSE\r\nc,Five,TRUE\r\n'
  const dataset = await read(context, content, { idColumn: 'id', labelMap: { TRUE: 'wins', FALSE: 'loses' } })
  assert.deepEqual(dataset.labels, ['loses', 'wins'])
  assert.deepEqual(dataset.labelCounts, { loses: 1, wins: 2 })
  assert.deepEqual(dataset.examples, [
    { id: 'a', row: 1, text: 'One, "two" three', label: 'wins' },
    { id: 'b', row: 2, text: 'Four', label: 'loses' },
    { id: 'c', row: 3, text: 'Five', label: 'wins' },
  ])
  assert.deepEqual(dataset.columns, ['id', 'facts', 'winner'])
  assert.equal(dataset.sha256, createHash('sha256').update(content).digest('hex'))
  assert.deepEqual([dataset.rows, dataset.skipped, dataset.warnings], [3, [], []])
  assert.deepEqual([...dataset.otherColumns], [['id', ['a', 'b', 'c']]])
})

test('JSONL reads as CSV does: numbers and booleans are labels, blank lines and a byte order mark are no matter', async (context) => {
  const content = '\uFEFF{"facts":"One","winner":true,"year":1971}\n\n{"facts":"Two","winner":false,"year":1972}'
  const { examples, labels } = await read(context, content, { timeColumn: 'year' }, 'cases.jsonl')
  assert.deepEqual(labels, ['false', 'true'])
  assert.deepEqual(examples, [
    { id: '1', row: 1, text: 'One', label: 'true', time: 1971 },
    { id: '3', row: 3, text: 'Two', label: 'false', time: 1972 },
  ])
})

test('a byte order mark is not part of the first column name, and tabs part the columns of a TSV', async (context) => {
  assert.equal((await read(context, '\uFEFFfacts,winner\nOne,a\nTwo,b\n')).examples.length, 2)
  assert.equal(
    (await read(context, 'facts\twinner\nOne, two\ta\nTwo\tb\n', {}, 'cases.tsv')).examples[0]!.text,
    'One, two',
  )
})

test('blank labels and texts are skipped with their row numbers', async (context) => {
  const dataset = await read(context, 'facts,winner\nOne,a\n,b\n<p> &nbsp;</p>,b\nTwo, \nThree,b\n')
  assert.deepEqual(dataset.skipped, [
    { row: 2, reason: 'column "facts" is blank' },
    { row: 3, reason: 'column "facts" is blank' },
    { row: 4, reason: 'column "winner" is blank' },
  ])
  assert.deepEqual(dataset.warnings, [
    '2 rows skipped: column "facts" is blank (2, 3)',
    '1 row skipped: column "winner" is blank (4)',
  ])
  assert.deepEqual(
    dataset.examples.map(({ row }) => row),
    [1, 5],
  )
})

test('HTML is stripped unless it is to be kept', async (context) => {
  const content = 'facts,winner\n<p>Roe &amp; Co.</p><p>v. <em>Wade</em></p>,a\nx,b\n'
  assert.equal((await read(context, content)).examples[0]!.text, 'Roe & Co. v. Wade')
  const kept = await read(context, content, { html: 'keep' })
  assert.equal(kept.examples[0]!.text, '<p>Roe &amp; Co.</p><p>v. <em>Wade</em></p>')
})

test('values that the label map does not know are reported and skipped', async (context) => {
  const dataset = await read(context, 'facts,winner\nOne,yes\nTwo,no\nThree,maybe\nFour,maybe\n', {
    labelMap: { yes: 'wins', no: 'loses' },
  })
  assert.equal(dataset.examples.length, 2)
  assert.ok(dataset.warnings.includes('label values that were not asked for: "maybe" (2); asked for: yes, no'))
})

test("a family's labels keep their order, and rows with others are skipped", async (context) => {
  const dataset = await read(context, 'facts,winner\nOne,b\nTwo,a\nThree,c\n', { labels: ['b', 'a', 'z'] })
  assert.deepEqual(dataset.labels, ['b', 'a', 'z'])
  assert.deepEqual(dataset.labelCounts, { b: 1, a: 1, z: 0 })
  assert.equal(dataset.skipped[0]!.row, 3)
})

test('rare classes are dropped, or merged into "other"', async (context) => {
  const content = 'facts,winner\n1,a\n2,a\n3,a\n4,b\n5,b\n6,b\n7,c\n8,d\n9,d\n'
  const dropped = await read(context, content, { minClassCount: 3 })
  assert.deepEqual(dropped.labelCounts, { a: 3, b: 3 })
  assert.deepEqual(
    dropped.skipped.map(({ row }) => row),
    [7, 8, 9],
  )
  assert.deepEqual(dropped.warnings, ['classes with fewer than 3 rows were dropped (3 rows): "c" (1), "d" (2)'])
  const merged = await read(context, content, { minClassCount: 3, rareClasses: 'merge' })
  assert.deepEqual(merged.labelCounts, { a: 3, b: 3, other: 3 })
  assert.match(merged.warnings[0]!, /merged into "other" \(3 rows\)/)
})

test('prefix columns stand before the text, and the report names them', async (context) => {
  const dataset = await read(context, 'p,q,facts,winner\nRoe,Wade,One,a\n,Doe,Two,b\n', { prefixColumns: ['p', 'q'] })
  assert.deepEqual(
    dataset.examples.map(({ text }) => text),
    ['Roe; Wade. One', 'Doe. Two'],
  )
  assert.match(dataset.warnings.join(), /texts begin with the values of p, q/)
})

test('times are numbers, ranges of years or ISO dates; anything else is named by row and column', async (context) => {
  const table = (time: string) => `facts,winner,term\nOne,a,1971\nTwo,b,${time}\n`
  const options = { timeColumn: 'term' }
  assert.equal((await read(context, table('1940-1955'), options)).examples[1]!.time, 1955)
  assert.equal((await read(context, table('1972-01-01'), options)).examples[1]!.time, 1972)
  const half = (await read(context, table('1971-07-02T12:00:00Z'), options)).examples[1]!.time!
  assert.ok(Math.abs(half - 1971.5) < 1e-9)
  for (const time of ['3/4/1971', '1971-13-45', 'June']) {
    await assert.rejects(
      read(context, table(time), options),
      refusal('DATA_INVALID', /row 2.*column "term".*is not a time/),
    )
  }
})

test('a missing column is named with the columns that there are', async (context) => {
  const missing = refusal('COLUMN_NOT_FOUND', /there is no column "winner"; the file has: "facts", "label"/)
  await assert.rejects(read(context, 'facts,label\nOne,a\n'), missing)
  await assert.rejects(read(context, '{"facts":"One","label":"a"}\n', {}, 'cases.jsonl'), missing)
  await assert.rejects(read(context, 'facts,winner\nOne,a\n', { groupColumn: 'court' }), { code: 'COLUMN_NOT_FOUND' })
})

test('one class only is refused, saying which and what else was found', async (context) => {
  await assert.rejects(
    read(context, 'facts,winner\nOne,a\nTwo,a\n'),
    refusal('DATA_INVALID', /column "winner" has one class only, "a"; at least two are needed/),
  )
  await assert.rejects(
    read(context, 'facts,winner\nOne,TRUE\nTwo,FALSE\n', { labelMap: { true: 'wins', false: 'loses' } }),
    refusal('DATA_INVALID', /no usable row is left \(values not asked for: "TRUE", "FALSE"\)/),
  )
})

test('a row with too few or too many fields fails by row and line, or is skipped and reported', async (context) => {
  const content = 'facts,winner\n"One\nmore",a\nTwo\nThree,b\nFour,a,b\n'
  await assert.rejects(
    read(context, content),
    refusal('DATA_INVALID', /row 2 \(line 4 of the file\): 1 field where the header has 2 columns/),
  )
  const dataset = await read(context, content, { onBadRow: 'skip' })
  assert.deepEqual(
    dataset.examples.map(({ row, text }) => [row, text]),
    [
      [1, 'One more'],
      [3, 'Three'],
    ],
  )
  assert.deepEqual(
    dataset.skipped.map(({ row }) => row),
    [2, 4],
  )
  assert.equal(dataset.rows, 4)
})

test('a stray quote is named with its column; one that is never closed fails even when bad rows may be skipped', async (context) => {
  await assert.rejects(
    read(context, 'facts,winner\nOne,a\nTw"o,b\n'),
    refusal('DATA_INVALID', /row 2 \(line 3 of the file\): column "facts": a quote inside a field/),
  )
  await assert.rejects(
    read(context, 'facts,winner\nOne,a\n"Two,b\nThree,a\n', { onBadRow: 'skip' }),
    refusal('DATA_INVALID', /row 2 \(line 3 of the file\): column "facts": a quote that opens here is never closed/),
  )
})

test('a broken header fails even when bad rows may be skipped', async (context) => {
  await assert.rejects(
    read(context, 'fac"ts,winner\nOne,a\nTwo,b\n', { onBadRow: 'skip' }),
    refusal('DATA_INVALID', /the header: a quote inside a field/),
  )
})

test('lines are counted the same with Windows and with old Mac newlines', async (context) => {
  for (const newline of ['\n', '\r\n', '\r']) {
    const content = ['facts,winner', '', '"One', 'more",a', '', 'Two', 'Three,b', ''].join(newline)
    await assert.rejects(read(context, content), refusal('DATA_INVALID', /row 2 \(line 6 of the file\)/))
  }
})

test('bad JSONL lines are named, or skipped and reported', async (context) => {
  const content = '{"facts":"One","winner":"a"}\n{"facts":\n[1]\n{"facts":"Two","winner":"b"}\n'
  await assert.rejects(read(context, content, {}, 'cases.jsonl'), refusal('DATA_INVALID', /row 2: not valid JSON/))
  const dataset = await read(context, content, { onBadRow: 'skip' }, 'cases.jsonl')
  assert.deepEqual(
    dataset.skipped.map(({ row }) => row),
    [2, 3],
  )
  await assert.rejects(
    read(context, '{"facts":["One"],"winner":"a"}\n', {}, 'cases.jsonl'),
    refusal('DATA_INVALID', /row 1, column "facts": a string or number is needed/),
  )
})

test('an empty file, a header alone, bytes that are not UTF-8 and unknown formats are refused by name', async (context) => {
  await assert.rejects(read(context, ''), refusal('DATA_INVALID', /cases\.csv: it is empty/))
  await assert.rejects(read(context, 'facts,winner\n'), refusal('DATA_INVALID', /it holds no rows/))
  await assert.rejects(read(context, '', {}, 'cases.jsonl'), refusal('DATA_INVALID', /it holds no rows/))
  const latin1 = Buffer.concat([Buffer.from('facts,winner\nOne,a\n'), Buffer.from('caf\xe9,b\n', 'latin1')])
  await assert.rejects(read(context, latin1), refusal('DATA_INVALID', /line 3 is not valid UTF-8/))
  const utf16 = Buffer.from('\uFEFFfacts,winner\nOne,a\n', 'utf16le')
  await assert.rejects(read(context, utf16), refusal('DATA_INVALID', /line 1 is not valid UTF-8/))
  await assert.rejects(read(context, 'x', {}, 'cases.xlsx'), refusal('DATA_INVALID', /ends in "\.xlsx"; rename it/))
  assert.equal((await read(context, 'facts,winner\nOne,a\nTwo,b\n', { format: 'csv' }, 'cases.txt')).rows, 2)
  await assert.rejects(readDataset('absent.csv', COLUMNS), refusal('DATA_INVALID', /absent\.csv: it cannot be read/))
})

test('a repeated id or column name is refused, naming both', async (context) => {
  await assert.rejects(
    read(context, 'id,facts,winner\n7,One,a\n7,Two,b\n', { idColumn: 'id' }),
    refusal('DATA_INVALID', /row 2 \(line 3 of the file\), column "id": id "7" already belongs to row 1/),
  )
  await assert.rejects(
    read(context, 'facts,winner,facts\n1,a,2\n'),
    refusal('DATA_INVALID', /names column "facts" twice/),
  )
})

test('options that contradict themselves are refused', async (context) => {
  const content = 'facts,winner\nOne,a\nTwo,b\n'
  await assert.rejects(read(context, content, { labelColumn: 'facts' }), { code: 'INVALID_CONFIGURATION' })
  await assert.rejects(read(context, content, { prefixColumns: ['winner'] }), { code: 'INVALID_CONFIGURATION' })
  await assert.rejects(read(context, content, { minClassCount: 0 }), { code: 'INVALID_CONFIGURATION' })
})

test('characters on the edge of a read block survive', async (context) => {
  const long = 'é漢🙂'.repeat(40_000)
  const { examples } = await read(context, `facts,winner\n${long},a\nTwo,b\n`)
  assert.equal(examples[0]!.text, long)
})
