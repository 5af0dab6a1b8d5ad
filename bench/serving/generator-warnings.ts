/** Whether a load generator was at its end, so that a figure may be its own. Pure. */

/** A time of load; what does not apply is left out. */
export interface GeneratorPhase {
  readonly name: string
  /** that all threads together kept busy */
  readonly generatorCpus?: number
  /** of an open loop */
  readonly sendLagP99Ms?: number | null
}

/** Of one CPU for each thread: beyond it the generator may be what limits the throughput. */
const BUSY = 0.8
/** Timers are late by 1 ms without polling, and by a few where the generator shares its CPU. */
const LATE_MS = 5

/** @returns a sentence for each doubt, none for a generator that kept up */
export function generatorWarnings(phases: readonly GeneratorPhase[], generators: number): string[] {
  return phases.flatMap(({ name, generatorCpus = 0, sendLagP99Ms }) => {
    const warnings: string[] = []
    const share = generatorCpus / generators
    if (share > BUSY) {
      const used = `${Math.round(100 * share)}% of a CPU${generators > 1 ? ` for each of ${generators} threads` : ''}`
      warnings.push(`${name}: the load generator used ${used} and may be what limits the throughput`)
    }
    if (sendLagP99Ms != null && sendLagP99Ms > LATE_MS) {
      warnings.push(
        `${name}: requests left ${sendLagP99Ms.toFixed(1)} ms late at p99, which the latencies include; ` +
          'the load generator needs more --generators, or CPUs of its own (--server-cpus)',
      )
    }
    return warnings
  })
}
