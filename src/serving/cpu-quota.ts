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

/** Whether the control groups give less time than the CPUs that this process may run on have. */
export function isThrottled(sources: CpuSources = hostSources()): boolean {
  return cpuQuota(sources) < sources.affinityCpus
}

export interface EngineLayout {
  readonly engines: number
  /** of each engine */
  readonly threads: number
}

/** Each engine holds every tier's weights: more copies cost memory, more threads each cost little throughput. */
export const MOST_ENGINES = 4
const FEWEST_THREADS = 2

/**
 * Engines of two threads, then up to four of them, then more threads each. On 2 idle CPUs, one engine of two threads ran
 * 0.92 to 1.01 times the sequences of two engines of one, and a sequence took half as long (MiniLM-L12, 32 tokens: 104
 * against 112 a second, 9.6 against 17.6 ms); a latency budget is worth more than that throughput. On CPUs that others
 * keep busy, two threads wait for each other at every operator and two engines of one ran 1.3 to 1.6 times as many: there,
 * set `threads` to 1.
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
  const engines = asked.engines ?? Math.min(MOST_ENGINES, share(asked.threads ?? FEWEST_THREADS))
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
