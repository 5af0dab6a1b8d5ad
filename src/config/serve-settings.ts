/** Every setting of `lextier serve`: its flag, its variable, what it accepts and its default. One list makes the help,
 * the validation and the messages. */
import { type TSchema, Type } from 'typebox'
import { PROVIDERS } from './providers.js'
import { PROXIES_FORMAT } from './trusted-proxies.js'
import { VARIANTS } from './variants.js'

export interface Setting {
  /** long flag without the dashes */
  readonly flag: string
  /** how the help shows its value */
  readonly argument: string
  readonly description: string
  /** validates the value; strings become numbers; holds the default */
  readonly schema: TSchema
  /** what is accepted, for messages */
  readonly accepted: string
  /** what happens when it is not set and the schema has no default */
  readonly otherwise?: string
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const whole = (minimum: number, maximum: number, initial?: number) =>
  Type.Integer({ minimum, maximum, ...(initial !== undefined && { default: initial }) })

/** By variable. */
export const SERVE_SETTINGS = {
  LEXTIER_HOST: {
    flag: 'host',
    argument: '<address>',
    description: 'address to listen on; 127.0.0.1 keeps it to this machine',
    // all interfaces: a server in a container is unreachable on the loopback address
    schema: Type.String({ minLength: 1, default: '0.0.0.0' }),
    accepted: 'an address or host name',
  },
  LEXTIER_PORT: {
    flag: 'port',
    argument: '<number>',
    description: 'port to listen on; 0 takes a free one',
    schema: whole(0, 65_535, 8080),
    accepted: 'a whole number from 0 to 65535',
  },
  LEXTIER_MANAGEMENT_PORT: {
    flag: 'management-port',
    argument: '<number>',
    description:
      'another port for /health and /metrics, which a thread of its own answers, at once however busy the API is, and without a key; 0 takes a free one',
    schema: Type.Optional(whole(0, 65_535)),
    accepted: 'a whole number from 0 to 65535',
    otherwise: "the API's port only",
  },
  LEXTIER_MODELS: {
    flag: 'models',
    argument: '<folder>',
    description: 'folder whose subfolders are families',
    schema: Type.Optional(Type.String({ minLength: 1 })),
    accepted: 'a folder',
    otherwise: 'the bundled families',
  },
  LEXTIER_PROVIDER: {
    flag: 'provider',
    argument: '<name>',
    description:
      'execution provider; auto takes the fastest that works here and logs why, a named one is used, or the server says why not and never becomes ready',
    schema: Type.Enum([...PROVIDERS], { default: 'auto' }),
    accepted: `one of ${PROVIDERS.join(', ')}`,
  },
  LEXTIER_VARIANT: {
    flag: 'variant',
    argument: '<name>',
    description:
      'form of the models that runs; auto takes the quickest that answers as the exported model does, portable is that model itself',
    schema: Type.Enum([...VARIANTS], { default: 'auto' }),
    accepted: `one of ${VARIANTS.join(', ')}`,
  },
  LEXTIER_CACHE: {
    flag: 'cache',
    argument: '<folder>',
    description: 'folder where model variants are kept between starts; it may be deleted at any time',
    schema: Type.Optional(Type.String({ minLength: 1 })),
    accepted: 'a folder',
    otherwise: "lextier in the user's cache folder",
  },
  LEXTIER_DEFAULT_FAMILY: {
    flag: 'default-family',
    argument: '<name>',
    description: 'family of requests that name none',
    schema: Type.Optional(Type.String({ minLength: 1 })),
    accepted: 'the name of a family in the models folder',
    otherwise: 'scotus-outcome where it is served, else the first by name',
  },
  LEXTIER_DEFAULT_BUDGET_MS: {
    flag: 'default-budget-ms',
    argument: '<ms>',
    description: 'latency budget of requests that bring neither tier nor budget',
    schema: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 60_000 })),
    accepted: 'a number above 0, up to 60000',
    otherwise: 'no budget, the teacher answers',
  },
  LEXTIER_ENGINES: {
    flag: 'engines',
    argument: '<count>',
    description: 'inference processes',
    schema: Type.Optional(whole(1, 64)),
    accepted: 'a whole number from 1 to 64',
    otherwise: 'from the CPU quota, or one a GPU',
  },
  LEXTIER_THREADS: {
    flag: 'threads',
    argument: '<count>',
    description: 'threads of each inference process',
    schema: Type.Optional(whole(1, 256)),
    accepted: 'a whole number from 1 to 256',
    otherwise: 'from the CPU quota',
  },
  LEXTIER_LANES: {
    flag: 'lanes',
    argument: '<count>',
    description:
      'groups of engines; 2 gives the cheapest tier of each family engines of its own, which those of the other tiers give way to; auto takes 2 on CPUs whose time no quota rations',
    schema: Type.Enum(['auto', '1', '2'], { default: 'auto' }),
    accepted: 'one of auto, 1, 2',
  },
  LEXTIER_PAIRS: {
    flag: 'pairs',
    argument: '<how>',
    description:
      'auto: on CPUs an engine of several threads has a second process with weights of its own; while texts wait, both run on half of the threads each, which answers more of them, and a lone text has all threads; off: one process, which uses all of its threads for everything',
    schema: Type.Enum(['auto', 'off'], { default: 'auto' }),
    accepted: 'one of auto, off',
  },
  LEXTIER_API_PROCESSES: {
    flag: 'api-processes',
    argument: '<count>',
    description:
      'processes that answer HTTP; 1 does it beside the scheduler, more read and write requests on other CPUs, for one scheduler and its engines; auto takes a quarter of the CPUs, at most 8, where a GPU computes, and 1 elsewhere and with a rate limit, which counts in one process',
    schema: Type.Union([Type.Literal('auto'), whole(1, 64)], { default: 'auto' }),
    accepted: 'auto, or a whole number from 1 to 64',
  },
  LEXTIER_MAX_QUEUE: {
    flag: 'max-queue',
    argument: '<count>',
    description: 'requests that one tier of one family may have waiting; beyond it 503 OVERLOADED',
    schema: Type.Optional(whole(1, 1_000_000)),
    accepted: 'a whole number from 1 to 1000000',
    otherwise: '256 on the CPU, 4096 with CUDA, 1024 with WebGPU',
  },
  LEXTIER_TOLERATED_LATE: {
    flag: 'tolerated-late',
    argument: '<requests>',
    description:
      'how many requests the choice of a more accurate tier may make miss their budgets, expected, its own included; a large number: no matter',
    schema: Type.Number({ minimum: 0, maximum: 1_000, default: 0.03 }),
    accepted: 'a number from 0 to 1000',
  },
  LEXTIER_MAX_BATCH_TOKENS: {
    flag: 'max-batch-tokens',
    argument: '<count>',
    description: 'tokens of one batch, padding included',
    schema: Type.Optional(whole(1, 1_000_000)),
    accepted: 'a whole number from 1 to 1000000',
    otherwise: 'from the provider and the model',
  },
  LEXTIER_MAX_BODY_BYTES: {
    flag: 'max-body-bytes',
    argument: '<bytes>',
    // 8 MiB hold the largest single text (1 MiB) even where JSON escapes each of its bytes as six; decoding and parsing
    // that much takes the API's thread 10 to 20 ms (measured on 2 CPU cores)
    description: 'largest request body; beyond it 413 PAYLOAD_TOO_LARGE',
    schema: whole(1024, 256 * 1024 * 1024, 8 * 1024 * 1024),
    accepted: 'a whole number from 1024 to 268435456',
  },
  LEXTIER_API_KEYS: {
    flag: 'api-keys',
    argument: '<keys>',
    description:
      'comma-separated keys of which a request must send one; prefer the variable, flags show in process lists',
    schema: Type.Optional(Type.String({ pattern: '^[!-+.-~-]+(,[!-+.-~-]+)*$' })),
    accepted: 'keys of printable ASCII without spaces, separated by commas',
    otherwise: 'the API is open',
  },
  LEXTIER_RATE_LIMIT_PER_MINUTE: {
    flag: 'rate-limit-per-minute',
    argument: '<count>',
    description: 'prediction requests a minute for each key (each address where there are no keys); beyond it 429',
    schema: Type.Optional(whole(1, 10_000_000)),
    accepted: 'a whole number from 1 to 10000000',
    otherwise: 'unlimited',
  },
  LEXTIER_TRUSTED_PROXIES: {
    flag: 'trusted-proxies',
    argument: '<addresses>',
    description:
      "comma-separated addresses or ranges of the proxies before this server, whose X-Forwarded-For tells a caller's address; a rate limit without keys counts by it",
    schema: Type.Optional(Type.String({ format: PROXIES_FORMAT })),
    accepted:
      'addresses or ranges as in 10.0.0.0/8, or loopback, linklocal or uniquelocal for theirs, separated by commas',
    otherwise: 'the header is not believed',
  },
  LEXTIER_GRACE_MS: {
    flag: 'grace-ms',
    argument: '<ms>',
    description: 'how long SIGTERM waits for the requests accepted before it',
    schema: whole(0, 3_600_000, 30_000),
    accepted: 'a whole number from 0 to 3600000',
  },
  LEXTIER_WATCH_SECONDS: {
    flag: 'watch',
    argument: '<seconds>',
    description: 'look at the models folder every so many seconds and reload what has changed, as SIGHUP does at once',
    schema: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 86_400 })),
    accepted: 'a number above 0, up to 86400',
    otherwise: 'reload on SIGHUP only',
  },
  LEXTIER_LOG_LEVEL: {
    flag: 'log-level',
    argument: '<level>',
    description: LOG_LEVELS.join(', '),
    schema: Type.Enum([...LOG_LEVELS], { default: 'info' }),
    accepted: `one of ${LOG_LEVELS.join(', ')}`,
  },
} satisfies Readonly<Record<string, Setting>>

export type ServeVariable = keyof typeof SERVE_SETTINGS

/** @returns a setting's line in the help: what it is, its variable and its default */
export function settingHelp(variable: ServeVariable): string {
  const setting: Setting = SERVE_SETTINGS[variable]
  const initial = (setting.schema as { default?: unknown }).default ?? setting.otherwise
  return `${setting.description} (${variable}, default: ${initial})`
}
