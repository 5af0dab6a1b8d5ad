import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { colouredTokens } from '../../src/cli/coloured-tokens.js'
import { runAttribution } from '../../src/cli/run-attribution.js'
import { runExplain } from '../../src/cli/run-explain.js'
import { loadFamily } from '../../src/family/load-family.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { run } from './lextier-process.js'

let folder: string
let family: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-attribute-'))
  family = join(folder, 'tiny')
  await writeTinyFamily(family, { tiers: ['fast'] })
})

after(() => rm(folder, { recursive: true, force: true }))

const attribute = (...more: string[]) =>
  run(['attribute', '--family', family, '--text', '<p>The court held</p>', '--threads', '1', ...more])

test('a family without explain.onnx is told how to get it, gets it, and explains its answers', async (context) => {
  const text = 'the court held'
  const refused = { code: 'FAMILY_INVALID', message: /lextier explain --family/ }
  await assert.rejects(runAttribution({ family, tier: 'fast', text }), refused)

  const data = join(folder, 'cases.csv')
  await writeFile(data, 'facts\nthe court held that the law\n<i>appeal</i>\n')
  const unknown = { code: 'COLUMN_NOT_FOUND', message: /"text".*facts/ }
  await assert.rejects(runExplain({ family, data, textColumn: 'text' }), unknown)
  const explained = await run(['explain', '--family', family, '--data', data, '--text-column', 'facts'])
  assert.equal(explained.exitCode, 0, explained.stderr)
  assert.match(explained.stdout, /^fast: explain\.onnx, \d+ kB.*\ntiny is now sha256:/)
  const { version, manifest } = await loadFamily(family, { verify: 'hashes' })
  assert.deepEqual(
    manifest.tiers.map(({ explain }) => explain?.texts),
    [2],
  )

  const { stdout, stderr, exitCode } = await attribute('--tier', 'fast', '--label', 'wins', '--json')
  assert.equal(exitCode, 0, stderr)
  const answer = JSON.parse(stdout)
  assert.deepEqual(
    [answer.version, answer.tier, answer.label, answer.text],
    [version, 'fast', 'wins', 'The court held'],
  )
  assert.deepEqual(
    answer.tokens.map(({ token, start, end }: Record<string, unknown>) => [token, start, end]),
    [
      ['The', 0, 3],
      ['court', 4, 9],
      ['held', 10, 14],
    ],
  )
  const length = Math.hypot(...answer.tokens.map(({ normalised }: { normalised: number }) => normalised))
  assert.ok(Math.abs(length - 1) < 1e-9)
  assert.ok(Math.abs(answer.delta) < 1e-3)

  const { mock } = context.mock.method(console, 'log', () => {})
  await runAttribution({ family, tier: 'fast', label: 'wins', text: '<p>The court held</p>' })
  const shown = mock.calls.map(({ arguments: [line] }) => line)
  assert.match(shown.join('\n'), /^wins, probability 0\.\d{3}.*\n\nThe court held\n/)
  const label = { code: 'INVALID_CONFIGURATION', message: /"settles" is none of: loses, wins/ }
  await assert.rejects(runAttribution({ family, tier: 'fast', text, label: 'settles' }), label)
  await assert.rejects(runAttribution({ family, tier: 'balanced', text }), { code: 'TIER_NOT_FOUND' })
  await assert.rejects(runAttribution({ family, tier: 'fast', text: '<p>' }), { code: 'INVALID_REQUEST' })
})

test('tokens are coloured by how they weigh, and the text between them stays', () => {
  const tokens = [
    { start: 0, end: 3, attribution: 2 },
    { start: 5, end: 8, attribution: -0.6 },
    { start: 8, end: 9, attribution: 0.01 },
  ]
  assert.equal(
    colouredTokens('for  foe. End', tokens),
    '\u001b[48;5;208;38;5;16mfor\u001b[0m  \u001b[48;5;153;38;5;16mfoe\u001b[0m. End',
  )
  assert.equal(colouredTokens('', []), '')
})
