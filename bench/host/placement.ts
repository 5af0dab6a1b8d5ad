/** Where the load comes from, and which CPUs are whose. */
import { cpuQuota } from '../../src/serving/cpu-quota.js'
import { formatCpuList } from './cpu-list.js'
import { type CpuSplit, moveOffServerCpus } from './split-cpus.js'

export interface Placement {
  /** threads that send */
  readonly generators: number
  /** lists such as "0-3,8"; null where both run on all CPUs */
  readonly cpus: { readonly server: string; readonly generator: string } | null
  /** whether the generators may keep CPUs busy to send on time */
  readonly poll: boolean
}

export interface PlacementOptions {
  /** threads that send; auto: by the number of CPUs */
  readonly generators: number | 'auto'
  /** CPUs of the server's own; undefined: all of this process's, shared with the generator */
  readonly serverCpus: string | undefined
}

/** On smaller machines, what more threads send is taken from the server. */
const CPUS_FOR_SEVERAL = 8
const MOST_GENERATORS = 6
const CPUS_A_GENERATOR = 4
/** Below so many CPUs, the generator's polling would be taken from the server. */
const CPUS_TO_POLL = 8

/**
 * Decides, and moves this process off the server's CPUs where it has some of its own.
 * @throws InvalidConfiguration as moveOffServerCpus does
 */
export function placeLoad(options: PlacementOptions): Placement {
  const cpus = cpuQuota()
  const { serverCpus } = options
  return planPlacement(options.generators, cpus, serverCpus === undefined ? undefined : moveOffServerCpus(serverCpus))
}

/** Pure. @param cpus that the benches' processes may use, the server's included */
export function planPlacement(asked: number | 'auto', cpus: number, split: CpuSplit | undefined): Placement {
  const quarter = cpus < CPUS_FOR_SEVERAL ? 1 : Math.min(MOST_GENERATORS, Math.floor(cpus / CPUS_A_GENERATOR))
  const generators = asked === 'auto' ? Math.min(quarter, split?.generator.length ?? quarter) : asked
  return {
    generators,
    cpus: split ? { server: formatCpuList(split.server), generator: formatCpuList(split.generator) } : null,
    poll: split ? split.generator.length >= generators : cpus >= Math.max(CPUS_TO_POLL, CPUS_A_GENERATOR * generators),
  }
}

/** A line for tables. */
export function placementLine({ generators, cpus }: Placement): string {
  const from = `load from ${generators} generator ${generators === 1 ? 'thread' : 'threads'}`
  return cpus ? `${from} on CPUs ${cpus.generator}; server on CPUs ${cpus.server}` : `${from} on the server's CPUs`
}
