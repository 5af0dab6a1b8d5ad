import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultFamily } from '../../src/config/default-family.js'
import { serveConfig } from '../../src/config/serve-config.js'
import { SERVE_SETTINGS, type ServeVariable, settingHelp } from '../../src/config/serve-settings.js'

test('with nothing set, the defaults hold and what has none is absent', () => {
  assert.deepEqual(serveConfig({}, {}), {
    host: '0.0.0.0',
    port: 8080,
    provider: 'auto',
    variant: 'auto',
    lanes: 'auto',
    pairs: 'auto',
    apiProcesses: 'auto',
    toleratedLate: 0.03,
    maxBodyBytes: 8 * 1024 * 1024,
    apiKeys: [],
    graceMs: 30_000,
    logLevel: 'info',
  })
})

test('every setting can be given as a variable', () => {
  const config = serveConfig(
    {
      LEXTIER_HOST: '127.0.0.1',
      LEXTIER_PORT: '9000',
      LEXTIER_MODELS: 'my-models',
      LEXTIER_PROVIDER: 'cuda',
      LEXTIER_VARIANT: 'fused_int8',
      LEXTIER_CACHE: 'my-cache',
      LEXTIER_WATCH_SECONDS: '5',
      LEXTIER_DEFAULT_FAMILY: 'scotus-issue',
      LEXTIER_DEFAULT_BUDGET_MS: '12.5',
      LEXTIER_ENGINES: '2',
      LEXTIER_THREADS: '4',
      LEXTIER_LANES: '2',
      LEXTIER_PAIRS: 'off',
      LEXTIER_API_PROCESSES: '3',
      LEXTIER_MAX_QUEUE: '10',
      LEXTIER_TOLERATED_LATE: '0',
      LEXTIER_MAX_BATCH_TOKENS: '4096',
      LEXTIER_MAX_BODY_BYTES: '2048',
      LEXTIER_API_KEYS: 'one,two',
      LEXTIER_RATE_LIMIT_PER_MINUTE: '60',
      LEXTIER_MANAGEMENT_PORT: '0',
      LEXTIER_TRUSTED_PROXIES: 'loopback, 10.0.0.0/8',
      LEXTIER_GRACE_MS: '0',
      LEXTIER_LOG_LEVEL: 'warn',
      PATH: '/bin',
    },
    {},
  )
  assert.deepEqual(config, {
    host: '127.0.0.1',
    port: 9000,
    managementPort: 0,
    modelsDir: 'my-models',
    provider: 'cuda',
    variant: 'fused_int8',
    cacheDir: 'my-cache',
    watchSeconds: 5,
    defaultFamily: 'scotus-issue',
    defaultBudgetMs: 12.5,
    engines: 2,
    threads: 4,
    maxQueue: 10,
    lanes: '2',
    pairs: 'off',
    apiProcesses: 3,
    toleratedLate: 0,
    maxBatchTokens: 4096,
    maxBodyBytes: 2048,
    apiKeys: ['one', 'two'],
    rateLimitPerMinute: 60,
    trustedProxies: ['loopback', '10.0.0.0/8'],
    graceMs: 0,
    logLevel: 'warn',
  })
})

test('a flag wins over its variable, a blank variable is none, a blank flag is an error', () => {
  assert.equal(serveConfig({ LEXTIER_PORT: '9000' }, { LEXTIER_PORT: '9001' }).port, 9001)
  assert.equal(serveConfig({ LEXTIER_PORT: ' ' }, {}).port, 8080)
  assert.throws(() => serveConfig({}, { LEXTIER_PORT: '' }), /--port/)
})

test('a wrong value names the flag or the variable that holds it and what is accepted', () => {
  const wrong: [ServeVariable, string][] = [
    ['LEXTIER_PORT', '65536'],
    ['LEXTIER_PORT', '80.5'],
    ['LEXTIER_PORT', 'http'],
    ['LEXTIER_PROVIDER', 'tpu'],
    ['LEXTIER_DEFAULT_BUDGET_MS', '0'],
    ['LEXTIER_DEFAULT_BUDGET_MS', '60001'],
    ['LEXTIER_DEFAULT_BUDGET_MS', 'NaN'],
    ['LEXTIER_DEFAULT_BUDGET_MS', 'Infinity'],
    ['LEXTIER_ENGINES', '0'],
    ['LEXTIER_LOG_LEVEL', 'loud'],
    ['LEXTIER_API_KEYS', 'one,,two'],
    ['LEXTIER_API_KEYS', 'with space'],
    ['LEXTIER_TRUSTED_PROXIES', 'proxy.example'],
    ['LEXTIER_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['LEXTIER_TRUSTED_PROXIES', '10.0.0.0/8,'],
    ['LEXTIER_TRUSTED_PROXIES', '::1/64/2'],
  ]
  for (const [variable, text] of wrong) {
    const { flag, accepted } = SERVE_SETTINGS[variable]
    const naming = (name: string) => (error: { code: string; message: string }) =>
      error.code === 'INVALID_CONFIGURATION' && error.message.startsWith(`${name}: give ${accepted}`)
    assert.throws(() => serveConfig({ [variable]: text }, {}), naming(variable), `${variable}=${text}`)
    assert.throws(() => serveConfig({}, { [variable]: text }), naming(`--${flag}`), `--${flag} ${text}`)
  }
})

test('a message never holds the value: it could be a key', () => {
  assert.throws(
    () => serveConfig({ LEXTIER_API_KEYS: 'hunter2 hunter2' }, {}),
    (error: Error) => !error.message.includes('hunter2'),
  )
})

test('any text for the port gives a port or INVALID_CONFIGURATION', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String)), (text) => {
      try {
        const { port } = serveConfig({ LEXTIER_PORT: text }, {})
        assert.ok(Number.isInteger(port) && port >= 0 && port <= 65_535)
      } catch (error) {
        assert.equal((error as { code: string }).code, 'INVALID_CONFIGURATION')
      }
    }),
  )
})

test('the help of every setting names its variable and its default', () => {
  for (const variable of Object.keys(SERVE_SETTINGS) as ServeVariable[]) {
    assert.match(settingHelp(variable), new RegExp(`\\(${variable}, default: (?!undefined).+\\)$`))
  }
})

test('the default family is the configured one, else scotus-outcome, else the first', () => {
  assert.equal(defaultFamily(['a', 'scotus-outcome'], 'a'), 'a')
  assert.equal(defaultFamily(['a', 'scotus-outcome'], undefined), 'scotus-outcome')
  assert.equal(defaultFamily(['b', 'c'], undefined), 'b')
  assert.equal(defaultFamily([], undefined), undefined)
  assert.throws(() => defaultFamily(['a', 'b'], 'c'), /LEXTIER_DEFAULT_FAMILY.*"c".*a, b/)
})

test('the processes that answer HTTP are auto or a whole number', () => {
  for (const wrong of ['0', '65', '1.5', 'many']) {
    assert.throws(() => serveConfig({ LEXTIER_API_PROCESSES: wrong }, {}), {
      code: 'INVALID_CONFIGURATION',
      message: /LEXTIER_API_PROCESSES.*auto, or a whole number from 1 to 64/,
    })
  }
  assert.equal(serveConfig({ LEXTIER_API_PROCESSES: '64' }, {}).apiProcesses, 64)
})
