import { generatorCpus } from './cpu-spent.js'
import { generatorWarnings } from './generator-warnings.js'
import type { ServeResult } from './serve-result.js'

/** @returns reasons to doubt the figures, a sentence each; empty where there is none */
export function serveWarnings(
  result: Pick<ServeResult, 'environment' | 'placement' | 'workload' | 'tiers' | 'mixedCapacity' | 'openLoop'>,
): string[] {
  const { environment, placement, workload, tiers, mixedCapacity, openLoop } = result
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
    ...tiers.map(({ tier, capacity }) => ({ name: `capacity of ${tier}`, generatorCpus: generatorCpus(capacity.cpu) })),
    { name: 'capacity under mixed budgets', generatorCpus: generatorCpus(mixedCapacity.cpu) },
    ...openLoop.map(({ loadShare, cpu, sendLag }) => ({
      name: `open loop at ${Math.round(100 * loadShare)}%`,
      // a generator that polls is busy by intent
      ...(!placement.poll && { generatorCpus: generatorCpus(cpu) }),
      sendLagP99Ms: sendLag.p99Ms,
    })),
  ]
  return [...warnings, ...generatorWarnings(phases, placement.generators)]
}
