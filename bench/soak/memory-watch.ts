/** Reads what each of a server's processes holds, once a second. */
import { processTreeUsage } from '../host/process-tree.js'
import { type MemorySample, memorySlope } from './memory-slope.js'
import type { SoakMemory } from './soak-result.js'

const INTERVAL_MS = 1_000

export interface MemoryWatch {
  /** @returns undefined when the server has gone */
  readonly processes: () => number | undefined
  /** ends the watching */
  stop(): { readonly api: SoakMemory; readonly engines: SoakMemory }
}

/** @param pid of the main process; engines, and API processes where there are several, are its descendants */
export function watchMemory(pid: number): MemoryWatch {
  const startMs = performance.now()
  const byProcess = new Map<number, MemorySample[]>()
  const api: number[] = []
  const engines: number[] = []
  const read = () => {
    const usage = processTreeUsage(pid)
    if (!usage) return
    const atMs = performance.now() - startMs
    for (const [one, rssMiB] of usage.rssMiBOf) {
      const samples = byProcess.get(one) ?? []
      byProcess.set(one, samples)
      samples.push({ atMs, rssMiB })
    }
    api.push(usage.rootRssMiB)
    engines.push(usage.rssMiB - usage.rootRssMiB)
  }
  read()
  const timer = setInterval(read, INTERVAL_MS)
  return {
    processes: () => processTreeUsage(pid)?.processes,
    stop() {
      clearInterval(timer)
      read()
      const others = [...byProcess].filter(([one]) => one !== pid).map(([, samples]) => samples)
      return { api: memoryOf(api, [byProcess.get(pid) ?? []]), engines: memoryOf(engines, others) }
    },
  }
}

function memoryOf(totals: readonly number[], processes: readonly (readonly MemorySample[])[]): SoakMemory {
  return {
    rssMiB: { start: totals[0] ?? 0, end: totals.at(-1) ?? 0, most: totals.reduce((a, b) => Math.max(a, b), 0) },
    slope: memorySlope(processes) ?? null,
  }
}
