import { bundledModels } from '../../src/cli/package-root.js'
import { InvalidConfiguration } from '../../src/errors.js'
import type { PlacementOptions } from '../host/placement.js'
import type { ServerFlags } from '../host/running-server.js'

/** As commander gives them. */
export interface ServeFlags {
  readonly models?: string
  readonly family?: string
  readonly provider: string
  readonly engines?: string
  readonly threads?: string
  readonly maxBatchTokens?: string
  readonly variant?: string
  readonly serverOptions?: string
  readonly warmUp?: string
  readonly data?: string
  readonly textColumn: string
  readonly texts: string
  readonly seconds: string
  readonly load?: string
  readonly budgets?: string
  readonly connections?: string
  readonly generators?: string
  readonly serverCpus?: string
  readonly textsPerRequest?: string
  readonly seed: string
  readonly json?: string
}

export interface ServeOptions extends PlacementOptions {
  readonly server: ServerFlags
  /** undefined: the first in the folder */
  readonly family: string | undefined
  readonly file: string | undefined
  readonly textColumn: string
  readonly texts: number
  /** of each open-loop phase; the others are shares of it */
  readonly seconds: number
  /** seconds of load before anything is measured */
  readonly warmUpSeconds: number
  readonly loadShares: readonly number[]
  /** undefined: from the tiers' idle latencies */
  readonly budgetsMs: readonly number[] | undefined
  /** undefined: enough to keep every engine in full batches; of several, the one that serves most counts */
  readonly connections: readonly number[] | undefined
  readonly textsPerRequest: number
  readonly seed: number
}

/** @throws InvalidConfiguration naming the flag */
export function serveOptions(flags: ServeFlags): ServeOptions {
  const { provider, engines, threads, maxBatchTokens, variant } = flags
  return {
    server: {
      models: flags.models ?? bundledModels(),
      ...{ provider, engines, threads, maxBatchTokens, variant, more: flags.serverOptions, cpus: flags.serverCpus },
    },
    family: flags.family,
    file: flags.data,
    textColumn: flags.textColumn,
    texts: oneNumber('--texts', flags.texts, 1, 1_000_000, true),
    seconds: oneNumber('--seconds', flags.seconds, 0.1, 3_600),
    warmUpSeconds: oneNumber('--warm-up', flags.warmUp ?? '0', 0, 600),
    loadShares: numbers('--load', flags.load ?? '0.5,0.8', 0.01, 10),
    budgetsMs: flags.budgets === undefined ? undefined : numbers('--budgets', flags.budgets, 0.1, 60_000),
    connections:
      flags.connections === undefined ? undefined : numbers('--connections', flags.connections, 1, 4_096, true),
    textsPerRequest: oneNumber('--texts-per-request', flags.textsPerRequest ?? '1', 1, 64, true),
    generators: generatorsOption(flags.generators),
    serverCpus: flags.serverCpus,
    seed: oneNumber('--seed', flags.seed, 0, 2 ** 32 - 1, true),
  }
}

/**
 * @param flag undefined for a bench that has one generator whatever the machine is
 * @throws InvalidConfiguration
 */
export function generatorsOption(flag: string | undefined): PlacementOptions['generators'] {
  if (flag === 'auto') return flag
  return flag === undefined ? 1 : oneNumber('--generators', flag, 1, 64, true)
}

/** @throws InvalidConfiguration naming the flag */
export function numbers(flag: string, text: string, least: number, most: number, whole = false): number[] {
  return text.split(',').map((part) => oneNumber(flag, part, least, most, whole))
}

/** @throws InvalidConfiguration naming the flag */
export function oneNumber(flag: string, text: string, least: number, most: number, whole = false): number {
  const value = Number(text.trim() || Number.NaN)
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value
  throw new InvalidConfiguration(flag, `"${text}" is not a ${whole ? 'whole ' : ''}number from ${least} to ${most}`)
}

/** @throws InvalidConfiguration naming the flag */
export function oneOf<Choice extends string>(flag: string, text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text.trim())
  if (found === undefined) throw new InvalidConfiguration(flag, `"${text}" is none of ${choices.join(', ')}`)
  return found
}
