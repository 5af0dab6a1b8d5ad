import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runStudyCommand, type StudyFlags } from '../../src/cli/run-study.js'
import { loadFamily } from '../../src/family/load-family.js'
import { smokeCases, smokeCsv } from '../../training/recipes/smoke-cases.js'
import { parseStudyResults } from '../../training/study/results.js'
import { run } from './lextier-process.js'

const CONFIG = `
name: tiny
data: { text_column: facts, label_column: kind, id_column: id }
max_tokens: 32
bucket_width: 32
bootstrap_resamples: 20
teacher: { architecture: { layers: 2, hidden_size: 16, heads: 2 }, epochs: 1 }
students: [{ name: half, architecture: { layers: 1, hidden_size: 16, heads: 2 }, epochs: 1 }]
methods: [control, vanilla]
`

let folder: string
const at = (name: string) => join(folder, name)

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-study-command-'))
  await writeFile(at('cases.csv'), smokeCsv(smokeCases(80, 3)))
  await writeFile(at('study.yaml'), CONFIG)
})

after(() => rm(folder, { recursive: true, force: true }))

const given = () => ({ config: at('study.yaml'), data: at('cases.csv'), device: 'cpu' })

test('a study is run, its plan is done then, and its models become a family', async (context) => {
  const { config, data } = given()
  const first = await run(
    ['study', '--config', config, '--data', data, '--out', at('out')].concat('--device', 'cpu', '--threads', '1'),
  )
  assert.equal(first.exitCode, 0, first.stderr)
  const lines = first.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(lines.filter(({ type }) => type === 'progress').length, 4)
  const results = parseStudyResults(JSON.parse(await readFile(at('out/report.json'), 'utf8')), 'report.json')
  assert.deepEqual(
    results.models.map(({ name }) => name),
    ['teacher', 'half/control', 'half/vanilla'],
  )

  const finished = { ...given(), out: at('out') }
  const { mock } = context.mock.method(console, 'log', () => {})
  await runStudyCommand({ ...finished, dryRun: true })
  const plan = JSON.parse(mock.calls[0]!.arguments[0])
  assert.deepEqual([plan.done, plan.to_do], [4, 0])

  await runStudyCommand({ ...finished, export: 'teacher=teacher,half/vanilla=fast', family: at('family') })
  const { manifest } = await loadFamily(at('family'), { verify: 'hashes' })
  assert.deepEqual(
    manifest.tiers.map(({ tier, training }) => [tier, training.initialisation]),
    [
      ['teacher', 'random'],
      ['fast', 'layers 0, embeddings and head of the fine-tuned teacher'],
    ],
  )
})

test('what does not go together is refused with what would, before anything runs', async () => {
  const refused = { ...given(), out: at('refused') }
  const refusals: [Partial<StudyFlags>, RegExp][] = [
    [{ shard: '1/1' }, /--shard: "1\/1" is not i\/n/],
    [{ shard: '0/2' }, /2 shards for 1 groups/],
    [{ merge: true, shard: '0/1' }, /--merge, --shard: give one/],
    [{ merge: [at('nowhere')] }, /none of the stages/],
    [{ export: 'teacher=teacher' }, /--export, --family: give both/],
    [{ export: 'teacher=tiny', family: at('x') }, /is not MODEL=TIER/],
    [{ export: 'teacher=teacher', family: at('x') }, /has not finished/],
  ]
  for (const [flags, message] of refusals) {
    await assert.rejects(runStudyCommand({ ...refused, ...flags }), { code: 'INVALID_CONFIGURATION', message })
  }
})
