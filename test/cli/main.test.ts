import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Command, CommanderError } from 'commander'
import { addOpenapi } from '../../src/cli/openapi.js'
import { packageVersion } from '../../src/cli/package-root.js'
import { describeFailure } from '../../src/cli/report-error.js'
import { addServe } from '../../src/cli/serve.js'
import { SERVE_SETTINGS } from '../../src/config/serve-settings.js'
import { FamilyInvalid, InvalidConfiguration } from '../../src/errors.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { run } from './lextier-process.js'

test('serve --help lists every option with its variable and default', () => {
  const program = new Command()
  addServe(program)
  const help = program.commands[0]!.helpInformation().replace(/\s+/g, ' ')
  for (const [variable, { flag }] of Object.entries(SERVE_SETTINGS)) {
    assert.ok(help.includes(`--${flag} <`), flag)
    assert.match(help, new RegExp(`\\(${variable}, default: `))
  }
})

test('--version prints the version of the package', async () => {
  const { exitCode, stdout } = await run(['--version'])
  assert.deepEqual([exitCode, stdout.trim()], [0, packageVersion()])
})

test('a wrong option or a wrong variable ends with exit code 2 and says which', async () => {
  const [option, variable] = await Promise.all([
    run(['serve', '--frobnicate']),
    run(['serve'], { LEXTIER_PROVIDER: 'tpu' }),
  ])
  assert.equal(option.exitCode, 2)
  assert.match(option.stderr, /--frobnicate/)
  assert.equal(variable.exitCode, 2)
  assert.equal(variable.stderr, 'INVALID_CONFIGURATION: LEXTIER_PROVIDER: give one of auto, cpu, cuda, webgpu\n')
})

test('a models folder without families, and a port in use, end the start with one sentence', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-main-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'empty'))
  await writeTinyFamily(join(folder, 'models', 'tiny'))
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await new Promise((resolve) => other.once('listening', resolve))
  const { port } = other.address() as { port: number }
  const [none, taken] = await Promise.all([
    run(['serve', '--models', join(folder, 'empty')]),
    run(['serve', '--models', join(folder, 'models'), '--host', '127.0.0.1', '--port', String(port)]),
  ])
  assert.equal(none.exitCode, 1)
  assert.match(none.stderr, /^FAMILY_INVALID: .*there is no family in it.*--models.*\n$/)
  assert.equal(taken.exitCode, 2)
  assert.match(taken.stderr, /^INVALID_CONFIGURATION: LEXTIER_PORT.* is in use.*\n$/)
})

test('openapi writes the document to a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-openapi-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const program = new Command()
  addOpenapi(program)
  await program.parseAsync(['openapi', '--json', '--output', join(folder, 'api.json')], { from: 'user' })
  assert.equal(JSON.parse(await readFile(join(folder, 'api.json'), 'utf8')).info.title, 'lextier')
})

test('a failure is told as CODE: sentence; configuration and usage exit with 2, the rest with 1', () => {
  assert.deepEqual(describeFailure(new FamilyInvalid('dir', 'no labels')), {
    text: 'FAMILY_INVALID: family folder dir: no labels\n',
    exitCode: 1,
  })
  assert.equal(describeFailure(new InvalidConfiguration('--port', 'give a number')).exitCode, 2)
  assert.deepEqual(describeFailure(new CommanderError(0, 'commander.version', '1')), { text: '', exitCode: 0 })
  assert.equal(describeFailure(new CommanderError(1, 'commander.unknownOption', 'x')).exitCode, 2)
  const missing = Object.assign(new Error("Cannot find package 'cli-progress' imported from x"), {
    code: 'ERR_MODULE_NOT_FOUND',
  })
  assert.match(describeFailure(missing).text, /^TRAINING_NOT_INSTALLED: .*"cli-progress".*npm ci/)
  assert.match(describeFailure(new RangeError('odd')).text, /^INTERNAL: RangeError: odd\n\s+at /)
})
