import type { ServeResult } from './serve-result.js'

/** Of one CPU: beyond it the load generator may be what limits the throughput. */
const BUSY_GENERATOR = 0.8

/** @returns reasons to doubt the figures, a sentence each; empty where there is none */
export function serveWarnings(
  result: Pick<ServeResult, 'environment' | 'workload' | 'tiers' | 'mixedCapacity' | 'openLoop'>,
): string[] {
  const { environment, workload, tiers, mixedCapacity, openLoop } = result
  const warnings: string[] = []
  const { loadAverage, cpusAvailable } = environment
  if (loadAverage > cpusAvailable / 4) {
    warnings.push(
      `other work ran on this machine when the bench began (load average ${loadAverage} on ${cpusAvailable} CPUs): ` +
        'absolute figures are too low, and shares are noisy',
    )
  }
  if (workload.synthetic) warnings.push('the texts are synthetic: name real ones with --data FILE --text-column NAME')
  const phases = [
    ...tiers.map(({ tier, capacity }) => ({ name: `capacity of ${tier}`, cpu: capacity.cpu })),
    { name: 'capacity under mixed budgets', cpu: mixedCapacity.cpu },
    ...openLoop.map(({ loadShare, cpu }) => ({ name: `open loop at ${Math.round(100 * loadShare)}%`, cpu })),
  ]
  for (const { name, cpu } of phases) {
    const share = cpu.generatorSeconds / cpu.wallSeconds
    if (share > BUSY_GENERATOR) {
      warnings.push(
        `${name}: the load generator used ${Math.round(100 * share)}% of a CPU and may be what limits the throughput`,
      )
    }
  }
  return warnings
}
