import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { address, poll, type Running, start } from '../cli/lextier-process.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { startLoad, until } from './load.js'

let folder: string
let server: Running | undefined

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-reload-'))
})
after(async () => {
  server?.child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

interface Listed {
  readonly families: readonly { name: string; version: string; ready: boolean; refused_update?: string }[]
  readonly refused: readonly { name: string; reason: string }[]
}

test('SIGHUP under load: a changed family goes over without an error, a broken version is refused, and a removed family leaves', async () => {
  const models = join(folder, 'models')
  const first = await writeTinyFamily(join(models, 'tiny'))
  await writeTinyFamily(join(models, 'other'), { name: 'other' })
  const second = await writeTinyFamily(join(folder, 'next'), { seed: 2 })
  const options = ['--provider', 'cpu', '--engines', '1', '--threads', '1', '--host', '127.0.0.1', '--port', '0']
  server = start(['serve', '--models', models, '--cache', join(folder, 'cache'), ...options])
  const { child, output } = server
  const url = await address(server)
  await poll(`${url}/health/ready`, ({ status }) => status === 200)
  const listed = async () => (await (await fetch(`${url}/v1/families`)).json()) as Listed
  const load = startLoad(url, 2, { text: 'the court held', family: 'tiny', tier: 'fast' })
  const others = startLoad(url, 1, { text: 'the court held', family: 'other', tier: 'fast' })
  const answersOf = async (version: string) => {
    await until(() => load.outcomes.at(-1)?.version === version, `answers of ${version}`)
  }
  await answersOf(first.version)

  await rename(join(models, 'tiny'), join(folder, 'old'))
  await rename(join(folder, 'next'), join(models, 'tiny'))
  child.kill('SIGHUP')
  await answersOf(second.version)

  await appendFile(join(models, 'tiny', 'fast', 'weights.bin'), 'x')
  child.kill('SIGHUP')
  await until(async () => (await listed()).refused.length === 1, 'the refusal')
  const { families, refused } = await listed()
  const kept = families.find(({ name }) => name === 'tiny')
  assert.deepEqual([kept?.version, kept?.ready], [second.version, true])
  assert.match(kept?.refused_update ?? '', /weights\.bin/)
  assert.equal(refused[0]?.name, 'tiny')
  assert.equal((await fetch(`${url}/health/ready`)).status, 200)

  const ended = await others.stop()
  await rm(join(models, 'other'), { recursive: true })
  child.kill('SIGHUP')
  await until(async () => (await listed()).families.length === 1, 'the family to leave')

  const all = [...(await load.stop()), ...ended]
  assert.ok(all.length > 20)
  assert.deepEqual(
    all.filter(({ status }) => status !== 200),
    [],
  )
  const versions = load.outcomes.map(({ version }) => version)
  assert.ok(versions.every((version) => version === first.version || version === second.version))
  await until(
    () => output.stdout.includes('"generation":1,"msg":"generation ended"'),
    'the end of the first generation',
  )
  child.kill('SIGTERM')
  assert.equal((await server.finished).exitCode, 0)
})
