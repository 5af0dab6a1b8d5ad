/** The serving bench: capacity of the real server beside the bare runtime's, then latency and budgets under open load. */
import { budgetMix } from './load/budget-mix.js'
import { writeResult } from './output/write-result.js'
import { measureCapacity } from './serving/measure-capacity.js'
import { measureOpenLoop, type OpenLoopResult } from './serving/measure-open-loop.js'
import { CAPACITY_SHARE, measureTier } from './serving/measure-tier.js'
import {
  connectionsFor,
  type MeasuredServer,
  type OnProgress,
  prepareBench,
  withServer,
} from './serving/measured-server.js'
import { type ServeFlags, type ServeOptions, serveOptions } from './serving/serve-options.js'
import type { ServeResult, TierResult } from './serving/serve-result.js'
import { serveTable } from './serving/serve-table.js'
import { serveWarnings } from './serving/serve-warnings.js'

/** `npm run bench -- serve` */
export async function runServeBench(flags: ServeFlags): Promise<void> {
  const result = await benchServing(serveOptions(flags), (phase) => process.stderr.write(`${phase} …\n`))
  await writeResult(result, serveTable(result), flags.json)
}

export async function benchServing(options: ServeOptions, onProgress: OnProgress): Promise<ServeResult> {
  const { measured, run } = await withServer(await prepareBench(options, onProgress), measure)
  const result = { bench: 'serve' as const, ...run, ...measured }
  return { ...result, warnings: serveWarnings(result) }
}

async function measure(
  server: MeasuredServer,
): Promise<Pick<ServeResult, 'tiers' | 'budgetsMs' | 'mixedCapacity' | 'openLoop'>> {
  const { options, family, context, onProgress } = server
  const durationMs = 1_000 * options.seconds
  const tiers: TierResult[] = []
  for (const { tier } of family.manifest.tiers) tiers.push(await measureTier(server, tier))
  const budgetsMs = options.budgetsMs ?? budgetMix(tiers.map(({ tier, idle }) => ({ tier, p90Ms: idle.p90Ms! })))
  onProgress('capacity, mixed budgets')
  const mixedCapacity = await measureCapacity(context, {
    tier: 'auto',
    budgetsMs,
    // the longer the queue, the more requests only the faster tiers can answer in time: throughput rises with it
    connections: options.connections ?? connectionsFor(server).flatMap((enough) => [enough, 3 * enough]),
    durationMs: CAPACITY_SHARE * durationMs,
  })
  const { poll } = server.placement
  const openLoop: OpenLoopResult[] = []
  for (const loadShare of options.loadShares) {
    const ratePerSecond = (loadShare * mixedCapacity.textsPerSecond) / options.textsPerRequest
    onProgress(`open loop, ${Math.round(100 * loadShare)}% of capacity: ${ratePerSecond.toPrecision(3)} requests/s`)
    openLoop.push(await measureOpenLoop(context, { loadShare, ratePerSecond, durationMs, budgetsMs, poll }))
  }
  return { tiers, budgetsMs, mixedCapacity, openLoop }
}
