import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { writeTinyFamily } from '../support/tiny-family.js'
import { run, start } from './lextier-process.js'

let folder: string
let family: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-evaluate-'))
  family = join(folder, 'tiny')
  await writeTinyFamily(family)
})

after(() => rm(folder, { recursive: true, force: true }))

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

const parsedLines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('evaluate prints nothing but JSON on stdout: every tier beside the majority, students beside the teacher', async () => {
  const data = await file('cases.csv', 'facts,won\nthe court held,yes\nthe court\ta,no\nappeal denied,no\nblank,\n')
  const columns = ['--text-column', 'facts', '--label-column', 'won', '--label-map', 'yes=wins,no=loses']
  const { stdout, stderr, exitCode } = await run([
    ...['evaluate', '--family', family, '--data', data, ...columns],
    ...['--tier', 'all', '--json'],
  ])
  assert.equal(exitCode, 0, stderr)
  assert.match(stderr, /^WARNING 1 row skipped: column "won" is blank \(4\)\n$/)
  const report = JSON.parse(stdout)
  assert.deepEqual(report.data, { sha256: report.data.sha256, rows: 4, examples: 3, skipped: 1 })
  assert.equal(report.majority.label, 'loses')
  assert.equal(report.majority.accuracy.toFixed(4), '0.6667')
  assert.deepEqual(
    report.tiers.map(({ tier }: { tier: string }) => tier),
    ['teacher', 'balanced', 'fast'],
  )
  for (const tier of report.tiers) {
    for (const name of ['accuracy', 'macro_f1', 'auc', 'nll', 'brier', 'ece', 'ece_equal_mass']) {
      const { value, low, high } = tier[name]
      assert.ok([value, low, high].every(Number.isFinite), `${tier.tier} ${name}`)
    }
    assert.equal(tier.teacher_agreement !== undefined, tier.tier !== 'teacher')
  }
})

test('evaluate refuses a column, a tier, a label map and labels that do not fit, and names them', async () => {
  const data = await file('few.csv', 'facts,won\na case,yes\nanother,no\n')
  const evaluate = (label: string, ...more: string[]) =>
    run(['evaluate', '--family', family, '--data', data, '--text-column', 'facts', '--label-column', label, ...more])
  const [column, tier, map, labels] = await Promise.all([
    evaluate('lost'),
    evaluate('won', '--tier', 'huge'),
    evaluate('won', '--label-map', 'yes'),
    evaluate('won'),
  ])
  assert.match(column!.stderr, /^COLUMN_NOT_FOUND: .*"lost".*"facts", "won"\n$/)
  assert.match(tier!.stderr, /^TIER_NOT_FOUND: .*"huge".*teacher, balanced, fast, or all\n$/)
  assert.match(map!.stderr, /^INVALID_CONFIGURATION: --label-map: "yes".*TRUE=wins/)
  assert.match(labels!.stderr, /^DATA_INVALID: .*"yes", "no"/)
})

test('predict answers every line in order, with an error in the place of what is no text', async () => {
  const texts = await file(
    'texts.jsonl',
    Buffer.concat([
      Buffer.from('\uFEFF{"id":7,"text":"the court held\u2028that"}\nnot json\n\n{"text":" "}\n["x"]\n'),
      Buffer.from('{"text":"\\ud800 half"}\n{"text":"'),
      Buffer.from([0xff]),
      Buffer.from('"}\r\n{"text":"the end"}'),
    ]),
  )
  const answers = join(folder, 'answers.jsonl')
  const predict = ['predict', '--family', family, '--tier', 'fast', '--input', texts]
  const { exitCode, stderr } = await run([...predict, '--output', answers])
  assert.equal(exitCode, 1)
  assert.match(stderr, /^DATA_INVALID: .*5 lines could not be predicted/)
  const lines = parsedLines(await readFile(answers, 'utf8'))
  assert.deepEqual(
    lines.map(({ error }) => error && [error.line, error.message]),
    [
      undefined,
      [2, 'is not JSON'],
      [4, 'has no text in field "text"'],
      [5, 'is not a JSON object'],
      [6, 'has a lone surrogate in field "text"'],
      [7, 'is not valid UTF-8'],
      undefined,
    ],
  )
  assert.equal(lines[0].id, 7)
  const { loses, wins } = lines[0].probabilities
  assert.equal((loses + wins).toFixed(6), '1.000000')
  assert.equal(lines[0].probability, Math.max(loses, wins))
})

test('predict names the input that it cannot read and the output that it cannot write', async () => {
  const texts = await file('one.jsonl', '{"text":"one"}\n')
  const [input, output] = await Promise.all([
    run(['predict', '--family', family, '--input', join(folder, 'none.jsonl')]),
    run(['predict', '--family', family, '--input', texts, '--output', join(folder, 'no', 'out.jsonl')]),
  ])
  assert.match(input.stderr, /^DATA_INVALID: .*none\.jsonl: cannot be read \(ENOENT\)\n$/)
  assert.match(output.stderr, /^INVALID_CONFIGURATION: --output: cannot be written \(ENOENT\)\n$/)
})

test('a command whose reader has gone ends without a word', async () => {
  const texts = await file('many.jsonl', '{"text":"one"}\n'.repeat(2000))
  const { child, output } = start(['predict', '--family', family, '--tier', 'fast', '--input', texts])
  child.stdout!.once('data', () => child.stdout!.destroy())
  const [exitCode] = await once(child, 'exit')
  assert.deepEqual([exitCode, output.stderr], [141, ''])
})
