/** Memory and CPU time of a process and all its descendants, from Linux' /proc. */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessTreeUsage {
  readonly processes: number
  /** resident, summed: pages that processes share count in each */
  readonly rssMiB: number
  /** of each process, by its id */
  readonly rssMiBOf: ReadonlyMap<number, number>
  /** of the root process alone */
  readonly rootRssMiB: number
  /** user and system time of the processes that live, seconds since their start */
  readonly cpuSeconds: number
}

/** Fixed by the kernel's interface (USER_HZ), whatever its own tick is. */
const TICKS_PER_SECOND = 100

/** @returns undefined where there is no /proc, or the process is gone */
export function processTreeUsage(rootPid: number): ProcessTreeUsage | undefined {
  const stats = readStats()
  if (!stats.has(rootPid)) return undefined
  const childrenOf = new Map<number, number[]>()
  for (const [pid, { parentPid }] of stats) childrenOf.set(parentPid, [...(childrenOf.get(parentPid) ?? []), pid])
  const pids = [rootPid]
  // grows while it is walked: breadth first
  for (const pid of pids) pids.push(...(childrenOf.get(pid) ?? []))
  const rssMiBOf = new Map(pids.map((pid) => [pid, rssMiB(pid)]))
  return {
    processes: pids.length,
    rssMiB: [...rssMiBOf.values()].reduce((sum, one) => sum + one, 0),
    rssMiBOf,
    rootRssMiB: rssMiBOf.get(rootPid)!,
    cpuSeconds: pids.reduce((sum, pid) => sum + stats.get(pid)!.cpuSeconds, 0),
  }
}

function readStats(): Map<number, { parentPid: number; cpuSeconds: number }> {
  const stats = new Map<number, { parentPid: number; cpuSeconds: number }>()
  if (process.platform !== 'linux') return stats
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = readIfThere(`/proc/${entry}/stat`)
    // the name in parentheses may hold spaces and parentheses; fields are counted from the last one
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields === undefined) continue
    const [parentPid, userTicks, systemTicks] = [fields[1], fields[11], fields[12]].map(Number) as [
      number,
      number,
      number,
    ]
    stats.set(Number(entry), { parentPid, cpuSeconds: (userTicks + systemTicks) / TICKS_PER_SECOND })
  }
  return stats
}

function rssMiB(pid: number): number {
  const kibibytes = readIfThere(`/proc/${pid}/status`)?.match(/^VmRSS:\s+(\d+) kB$/m)?.[1]
  return Number(kibibytes ?? 0) / 1024
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    // it ended between the listing and now
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
