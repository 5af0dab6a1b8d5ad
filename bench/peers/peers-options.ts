import { InvalidConfiguration } from '../../src/errors.js'
import { TIER_NAMES, type TierName } from '../../src/family/family-schema.js'
import { cpuQuota } from '../../src/serving/cpu-quota.js'
import { parseCpuList } from '../host/cpu-list.js'
import { numbers, oneNumber, oneOf, type ServeFlags } from '../serving/serve-options.js'
import type { Layout } from './candidate.js'
import { DEFAULT_INSTALL_FOLDER } from './install-peer.js'
import { PEERS } from './peer-list.js'

export interface PeersFlags extends ServeFlags {
  readonly tier: string
  readonly peers: string
  readonly layouts?: string
  readonly batches: string
  readonly limit: string
  readonly trials: string
  readonly installFolder?: string
}

export interface PeersOptions {
  readonly tier: TierName
  readonly peers: readonly string[]
  readonly layouts: readonly Layout[]
  /** p99 that goodput is measured at */
  readonly limitMs: number
  /** open loops of the search for the goodput */
  readonly trials: number
  readonly installFolder: string
}

/** @throws InvalidConfiguration naming the flag */
export function peersOptions(flags: PeersFlags): PeersOptions {
  // a wrong list is named when the load is placed
  const ofServer = parseCpuList(flags.serverCpus ?? '')?.length ?? Number.POSITIVE_INFINITY
  const cpus = Math.max(1, Math.floor(Math.min(cpuQuota(), ofServer)))
  const tier = oneOf('--tier', flags.tier, TIER_NAMES)
  const known = PEERS.map(({ name }) => name)
  const names = flags.peers === 'none' ? [] : flags.peers.split(',').map((name) => oneOf('--peers', name, known))
  const spreads = (flags.layouts ?? [...new Set([`1x${cpus}`, `${cpus}x1`])].join(',')).split(',').map(spread)
  const batches = numbers('--batches', flags.batches, 1, 1_024, true)
  return {
    tier,
    peers: names,
    layouts: batches.flatMap((batch) => spreads.map((one) => ({ ...one, batch }))),
    limitMs: oneNumber('--limit', flags.limit, 1, 60_000),
    trials: oneNumber('--trials', flags.trials, 1, 20, true),
    installFolder: flags.installFolder ?? DEFAULT_INSTALL_FOLDER,
  }
}

function spread(text: string): Pick<Layout, 'workers' | 'threads'> {
  const [workers, threads] = /^(\d+)x(\d+)$/.exec(text)?.slice(1).map(Number) ?? []
  if (workers && threads) return { workers, threads }
  throw new InvalidConfiguration('--layouts', `"${text}" is not WORKERSxTHREADS, such as 1x2`)
}
