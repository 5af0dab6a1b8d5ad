/**
 * How many CPUs this process may really use: the least of its scheduling affinity and the CPU quotas of its control
 * groups. In a container the host's core count is not what one gets.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

export interface CpuSources {
  /** @returns the file's text, or undefined when it cannot be read */
  read(path: string): string | undefined
  affinityCpus: number
}

/** @returns CPUs, a fraction where the quota is one */
export function cpuQuota(sources: CpuSources = hostSources()): number {
  const quotas = [...quotasV2(sources), ...quotasV1(sources)].filter((quota) => Number.isFinite(quota) && quota > 0)
  return Math.min(sources.affinityCpus, ...quotas)
}

export interface EngineLayout {
  readonly engines: number
  /** of each engine */
  readonly threads: number
}

/** Each engine holds every tier's weights, and the API can lose one of a few without a pause. */
const MOST_ENGINES = 4

/**
 * Several engines of few threads rather than one of many: threads of one engine wait for each other at every operator.
 * (On 2 shared CPUs, two engines of one thread ran 1.3 to 1.6 times the sequences of one engine of two; a sequence alone
 * took 1.1 to 1.5 times as long. MiniLM-L12 and a quarter of it, 32 to 256 tokens.)
 *
 * Whole CPUs only: a thread on a fraction of a CPU is throttled for the rest of every period, and stalls its engine's
 * other threads with it.
 */
export function cpuEngineLayout(
  cpus: number,
  asked: { readonly engines?: number | undefined; readonly threads?: number | undefined },
): EngineLayout {
  const whole = Math.max(1, Math.floor(cpus))
  const share = (parts: number) => Math.max(1, Math.floor(whole / parts))
  const engines = asked.engines ?? Math.min(MOST_ENGINES, asked.threads ? share(asked.threads) : whole)
  return { engines, threads: asked.threads ?? share(engines) }
}

function hostSources(): CpuSources {
  return {
    affinityCpus: availableParallelism(),
    read(path) {
      try {
        return readFileSync(path, 'utf8')
      } catch {
        return undefined // no such control group on this system
      }
    },
  }
}

/** Control groups v2: `cpu.max` holds "quota period" in µs, or "max period", in the own group and each above it. */
function quotasV2({ read }: CpuSources): number[] {
  const own = read('/proc/self/cgroup')?.match(/^0::(.*)$/m)?.[1] ?? '/'
  return lineage(own).map((group) => {
    const [quota, period] = (read(`/sys/fs/cgroup${group}/cpu.max`) ?? '').trim().split(/\s+/)
    return Number(quota) / Number(period)
  })
}

/** Control groups v1: `cpu.cfs_quota_us` is −1 where there is no limit. */
function quotasV1({ read }: CpuSources): number[] {
  const own = read('/proc/self/cgroup')?.match(/^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m)?.[1] ?? '/'
  return ['cpu', 'cpu,cpuacct'].flatMap((controller) =>
    lineage(own).map((group) => {
      const quota = read(`/sys/fs/cgroup/${controller}${group}/cpu.cfs_quota_us`)
      const period = read(`/sys/fs/cgroup/${controller}${group}/cpu.cfs_period_us`)
      return quota === undefined || period === undefined ? Number.NaN : Number(quota) / Number(period)
    }),
  )
}

/** @returns the group and each above it, "" for the root; "/a/b" gives "", "/a", "/a/b" */
function lineage(group: string): string[] {
  const parts = group.split('/').filter(Boolean)
  return Array.from({ length: parts.length + 1 }, (_, depth) =>
    parts
      .slice(0, depth)
      .map((part) => `/${part}`)
      .join(''),
  )
}
