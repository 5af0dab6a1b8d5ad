import { type EnvSchemaOpt, envSchema } from 'env-schema'
import { Type } from 'typebox'
import { InvalidConfiguration } from '../errors.js'
import type { PROVIDERS } from './providers.js'
import { type LOG_LEVELS, SERVE_SETTINGS, type ServeVariable, type Setting } from './serve-settings.js'
import { areProxies, PROXIES_FORMAT, proxyList } from './trusted-proxies.js'
import type { VARIANTS } from './variants.js'

/** What `lextier serve` runs with, checked. */
export interface ServeConfig {
  readonly host: string
  readonly port: number
  /** undefined: none */
  readonly managementPort?: number
  /** undefined: the bundled families */
  readonly modelsDir?: string
  readonly provider: (typeof PROVIDERS)[number]
  readonly variant: (typeof VARIANTS)[number]
  /** undefined: lextier in the user's cache folder */
  readonly cacheDir?: string
  readonly defaultFamily?: string
  readonly defaultBudgetMs?: number
  readonly engines?: number
  readonly threads?: number
  readonly lanes: 'auto' | '1' | '2'
  readonly pairs: 'auto' | 'off'
  readonly apiProcesses: 'auto' | number
  readonly maxQueue?: number
  readonly toleratedLate: number
  readonly maxBatchTokens?: number
  readonly maxBodyBytes: number
  /** empty: the API is open */
  readonly apiKeys: readonly string[]
  readonly rateLimitPerMinute?: number
  /** whose X-Forwarded-For is believed; undefined: nobody's */
  readonly trustedProxies?: readonly string[]
  readonly graceMs: number
  /** between two looks at the models folder; undefined: none */
  readonly watchSeconds?: number
  readonly logLevel: (typeof LOG_LEVELS)[number]
}

// strict numbers would exempt Infinity from every limit; the types of env-schema lack the form that its manual describes
const AJV = {
  customOptions: { strictNumbers: false, formats: { [PROXIES_FORMAT]: areProxies } },
} as unknown as NonNullable<EnvSchemaOpt['ajv']>

type Texts = Readonly<Record<string, string | undefined>>

/**
 * Flags win over variables; a blank value is none.
 * @param environment variables by name; others than the settings' are ignored
 * @param flags values by the settings' variable names
 * @throws InvalidConfiguration for the first wrong value; names the flag or the variable that holds it, never the value
 */
export function serveConfig(environment: Texts, flags: Texts): ServeConfig {
  const variables = Object.keys(SERVE_SETTINGS) as ServeVariable[]
  const given: Record<string, string> = {}
  for (const variable of variables) {
    const text = (flags[variable] ?? environment[variable])?.trim()
    if (text) given[variable] = text
    else if (flags[variable] !== undefined) throw invalid(variable, true)
  }
  const schema = Type.Object(
    Object.fromEntries(variables.map((variable) => [variable, (SERVE_SETTINGS[variable] as Setting).schema])),
  )
  let values: Record<string, unknown>
  try {
    values = envSchema({ schema, data: given, env: false, ajv: AJV })
  } catch (error) {
    const path = (error as { errors?: { instancePath: string }[] }).errors?.[0]?.instancePath.slice(1)
    const variable = variables.find((one) => one === path)
    if (variable === undefined) throw error
    throw invalid(variable, flags[variable] !== undefined)
  }
  return fromValues(values as Partial<Record<ServeVariable, never>>)
}

function fromValues(values: Partial<Record<ServeVariable, never>>): ServeConfig {
  const keys: string | undefined = values.LEXTIER_API_KEYS
  const proxies: string | undefined = values.LEXTIER_TRUSTED_PROXIES
  const config = {
    host: values.LEXTIER_HOST,
    port: values.LEXTIER_PORT,
    managementPort: values.LEXTIER_MANAGEMENT_PORT,
    modelsDir: values.LEXTIER_MODELS,
    provider: values.LEXTIER_PROVIDER,
    variant: values.LEXTIER_VARIANT,
    cacheDir: values.LEXTIER_CACHE,
    defaultFamily: values.LEXTIER_DEFAULT_FAMILY,
    defaultBudgetMs: values.LEXTIER_DEFAULT_BUDGET_MS,
    engines: values.LEXTIER_ENGINES,
    threads: values.LEXTIER_THREADS,
    lanes: values.LEXTIER_LANES,
    pairs: values.LEXTIER_PAIRS,
    apiProcesses: values.LEXTIER_API_PROCESSES,
    maxQueue: values.LEXTIER_MAX_QUEUE,
    toleratedLate: values.LEXTIER_TOLERATED_LATE,
    maxBatchTokens: values.LEXTIER_MAX_BATCH_TOKENS,
    maxBodyBytes: values.LEXTIER_MAX_BODY_BYTES,
    apiKeys: (keys as string | undefined)?.split(',') ?? [],
    rateLimitPerMinute: values.LEXTIER_RATE_LIMIT_PER_MINUTE,
    trustedProxies: proxies === undefined ? undefined : proxyList(proxies),
    graceMs: values.LEXTIER_GRACE_MS,
    watchSeconds: values.LEXTIER_WATCH_SECONDS,
    logLevel: values.LEXTIER_LOG_LEVEL,
  }
  // a setting that is not set is absent, not undefined
  const set = Object.entries(config).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set) as unknown as ServeConfig
}

function invalid(variable: ServeVariable, byFlag: boolean): Error {
  const { flag, accepted }: Setting = SERVE_SETTINGS[variable]
  return new InvalidConfiguration(byFlag ? `--${flag}` : variable, `give ${accepted}`)
}
