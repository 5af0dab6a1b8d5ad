import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { percentile } from '../../../bench/load/percentile.js'
import { CASE_LENGTH_QUANTILES, sampleCaseLengths } from '../../../bench/workload/case-lengths.js'
import { dealTexts, loadWorkload, type WorkloadText } from '../../../bench/workload/workload.js'
import type { Family } from '../../../src/family/load-family.js'
import { createRandom } from '../../../training/random.js'
import { writeTinyFamily } from '../../support/tiny-family.js'

let folder: string
let family: Family

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-workload-'))
  family = await writeTinyFamily(join(folder, 'tiny'))
})

after(() => rm(folder, { recursive: true, force: true }))

test('sampled lengths have the quantiles of real case facts', () => {
  for (const count of [100, 2_000]) {
    const lengths = sampleCaseLengths(count, createRandom(1)).sort((a, b) => a - b)
    for (const [share, tokens] of CASE_LENGTH_QUANTILES.filter(([share]) => share >= 0.1 && share <= 0.95)) {
      const found = percentile(lengths, share)
      assert.ok(Math.abs(found - tokens) < 0.06 * tokens, `${count} texts, ${share}: ${found} for ${tokens}`)
    }
    assert.ok(lengths[0]! >= 45 && lengths.at(-1)! <= 1205)
  }
})

test('synthetic texts have the lengths drawn for them, under the tokenizer of the family', async () => {
  const { texts, synthetic, source, tokens } = await loadWorkload({ family, textColumn: 'facts', count: 64, seed: 5 })
  assert.ok(synthetic && source.includes('synthetic'))
  const drawn = sampleCaseLengths(64, createRandom(5).fork('workload'))
  const sorted = texts.map((text) => text.tokens).sort((a, b) => a - b)
  // a word cut at the end may split otherwise
  for (const [i, length] of drawn.sort((a, b) => a - b).entries()) assert.ok(Math.abs(sorted[i]! - length) <= 8)
  assert.equal(tokens.max, sorted.at(-1))
  for (const { body } of texts) assert.equal(typeof JSON.parse(body.toString()).text, 'string')
})

test('real texts come from a column, without tags and blanks; long ones in the windows that the server reads', async () => {
  const file = join(folder, 'cases.csv')
  await writeFile(file, `facts,id\n"<p>The court held</p>",1\n,2\n"${'appeal '.repeat(100)}",3\n`)
  const { texts, synthetic } = await loadWorkload({ family, file, textColumn: 'facts', count: 10, seed: 1 })
  assert.equal(synthetic, false)
  const [short, long] = texts.toSorted((a, b) => a.tokens - b.tokens)
  assert.equal(texts.length, 2)
  assert.deepEqual(JSON.parse(short!.body.toString()), { text: 'The court held' })
  assert.equal(short!.sequences.length, 1)
  assert.equal(short!.sequences[0]!.length, short!.tokens + 2)
  assert.ok(long!.sequences.length > 1 && long!.sequences.every(({ length }) => length <= 64))
})

test('a missing column and a file without texts are named', async () => {
  const file = join(folder, 'other.csv')
  await writeFile(file, 'facts,id\n,1\n')
  const load = (textColumn: string) => loadWorkload({ family, file, textColumn, count: 10, seed: 1 })
  await assert.rejects(load('text'), { code: 'COLUMN_NOT_FOUND' })
  await assert.rejects(load('facts'), { code: 'DATA_INVALID' })
})

test('every text is dealt once before any comes again', () => {
  const texts = Array.from({ length: 7 }, (_, tokens): WorkloadText => ({ body: Buffer.of(), tokens, sequences: [] }))
  const next = dealTexts(texts, createRandom(1))
  const rounds = [1, 2, 3].map(() => texts.map(() => next().tokens))
  for (const round of rounds) assert.deepEqual(round.toSorted(), [0, 1, 2, 3, 4, 5, 6])
  assert.notDeepEqual(rounds[0], rounds[1])
})
