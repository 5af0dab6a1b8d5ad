import { processTreeUsage } from '../host/process-tree.js'

/** CPU time over a phase, seconds; null where the system does not tell. */
export interface CpuSpent {
  /** how long the phase took */
  readonly wallSeconds: number
  /** the API process and its engines */
  readonly serverSeconds: number | null
  /** this process with all of its threads: the load generator, which on a small machine takes CPU from the server */
  readonly generatorSeconds: number
}

/** CPUs that the generator kept busy, all of its threads together, on average. */
export function generatorCpus({ generatorSeconds, wallSeconds }: CpuSpent): number {
  return generatorSeconds / wallSeconds
}

/** Starts counting. @returns a function that says what was spent since */
export function watchCpu(serverPid: number): () => CpuSpent {
  const startMs = performance.now()
  const serverBefore = processTreeUsage(serverPid)
  const generatorBefore = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(generatorBefore)
    const serverNow = processTreeUsage(serverPid)
    return {
      wallSeconds: (performance.now() - startMs) / 1_000,
      serverSeconds: serverBefore && serverNow ? serverNow.cpuSeconds - serverBefore.cpuSeconds : null,
      generatorSeconds: (user + system) / 1e6,
    }
  }
}
