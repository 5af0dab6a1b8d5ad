import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { defaultCacheFolder } from '../../src/cli/cache-folder.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { run } from './lextier-process.js'

let models: string
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'lextier-prepare-'))
  await writeTinyFamily(join(models, 'tiny'))
})
after(() => rm(models, { recursive: true, force: true }))

const prepare = (cache: string, ...more: string[]) =>
  run(['prepare', '--models', models, '--cache', join(models, cache), '--threads', '1', ...more])

test('prepare builds what a start would, once', async () => {
  const first = await prepare('cache-a')
  assert.equal(first.exitCode, 0, first.stderr)
  assert.match(
    first.stdout,
    /^tiny\/teacher: fused_int8, built; probabilities within [\d.e-]+ of the portable model's\n/,
  )
  const second = await prepare('cache-a', '--json')
  const { tiers } = JSON.parse(second.stdout)
  assert.deepEqual(
    tiers.map(({ tier, variant, from }: Record<string, string>) => [tier, variant, from]),
    ['teacher', 'balanced', 'fast'].map((tier) => [tier, 'fused_int8', 'cache']),
  )
})

test('with labelled texts the loss of quality is measured and kept', async () => {
  const data = join(models, 'cases.csv')
  await writeFile(data, 'facts,won\nthe court held,wins\nappeal denied,loses\nthe petitioner,wins\n')
  const columns = ['--data', data, '--text-column', 'facts', '--label-column', 'won']
  const { stdout, stderr, exitCode } = await prepare('cache-b', '--family', 'tiny', ...columns, '--json')
  assert.equal(exitCode, 0, stderr)
  const [teacher] = JSON.parse(stdout).tiers
  assert.equal(teacher.quality.texts, 3)
  for (const scores of [teacher.quality.portable, teacher.quality.variant]) {
    assert.ok([0, 1 / 3, 2 / 3, 1].some((share) => Math.abs(share - scores.accuracy) < 1e-9))
    assert.ok([0, 0.5, 1].includes(scores.auc))
  }
  const [again] = JSON.parse((await prepare('cache-b', '--json')).stdout).tiers
  assert.deepEqual([again.from, again.quality], ['cache', teacher.quality])
})

test('what prepare cannot do is named', async () => {
  const file = join(models, 'a-file')
  await writeFile(file, '')
  const cases: [string[], RegExp][] = [
    [['--family', 'none'], /FAMILY_NOT_FOUND.*tiny/],
    [['--provider', 'tpu'], /--provider: give one of cpu/],
    [['--data', 'cases.csv'], /--data: give --family, --text-column and --label-column/],
    [['--cache', file], /--cache: it cannot be written/],
  ]
  for (const [flags, message] of cases) {
    const { stderr, exitCode } = await prepare('cache-c', ...flags)
    assert.notEqual(exitCode, 0)
    assert.match(stderr, message)
  }
})

test("the default cache lies where the operating system's users keep such", () => {
  assert.equal(defaultCacheFolder({}, 'linux', '/home/me'), '/home/me/.cache/lextier')
  assert.equal(defaultCacheFolder({ XDG_CACHE_HOME: '/big' }, 'linux', '/home/me'), '/big/lextier')
  assert.equal(defaultCacheFolder({}, 'darwin', '/Users/me'), '/Users/me/Library/Caches/lextier')
})
