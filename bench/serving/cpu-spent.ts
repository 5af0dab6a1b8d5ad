import { processTreeUsage } from '../host/process-tree.js'

/** CPU time over a phase, seconds; null where the system does not tell. */
export interface CpuSpent {
  /** the API process and its engines */
  readonly serverSeconds: number | null
  /** this process: the load generator, which on a small machine takes CPU from the server */
  readonly generatorSeconds: number
}

/** Starts counting. @returns a function that says what was spent since */
export function watchCpu(serverPid: number): () => CpuSpent {
  const serverBefore = processTreeUsage(serverPid)
  const generatorBefore = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(generatorBefore)
    const serverNow = processTreeUsage(serverPid)
    return {
      serverSeconds: serverBefore && serverNow ? serverNow.cpuSeconds - serverBefore.cpuSeconds : null,
      generatorSeconds: (user + system) / 1e6,
    }
  }
}
