/** The scale bench: throughput against the number of engines, and what one routing decision costs. */
import type { TierName } from '../src/family/family-schema.js'
import { runLine } from './output/run-line.js'
import { textTable } from './output/text-table.js'
import { type BenchResult, writeResult } from './output/write-result.js'
import { type DecisionTime, measureDecisions } from './scale/decision-time.js'
import { generatorCpus } from './serving/cpu-spent.js'
import { generatorWarnings } from './serving/generator-warnings.js'
import { type Capacity, measureCapacity } from './serving/measure-capacity.js'
import { CAPACITY_SHARE } from './serving/measure-tier.js'
import { connectionsFor, type OnProgress, prepareBench, withServer } from './serving/measured-server.js'
import { numbers, type ServeFlags, type ServeOptions, serveOptions } from './serving/serve-options.js'
import type { RunDescription } from './serving/serve-result.js'

export interface ScaleFlags extends Omit<ServeFlags, 'engines'> {
  readonly engines: string
}

export interface ScalePoint {
  readonly engines: number
  readonly threads: number
  readonly readyAfterMs: number
  readonly rssMiB: number | null
  readonly tiers: readonly {
    readonly tier: TierName
    readonly capacity: Capacity
    /** texts a second over those of the first layout */
    readonly speedup: number
  }[]
}

export interface ScaleResult extends BenchResult, Omit<RunDescription, 'server'> {
  readonly bench: 'scale'
  readonly points: readonly ScalePoint[]
  readonly decisions: readonly DecisionTime[]
  /** reasons to doubt the figures, a sentence each */
  readonly warnings: readonly string[]
}

/** V8 needs seconds to compile a decision as a server that has run for a while has it. */
const DECISIONS_MS = 4_000

/** `npm run bench -- scale` */
export async function runScaleBench(flags: ScaleFlags): Promise<void> {
  const engines = numbers('--engines', flags.engines, 1, 64, true)
  const options = serveOptions({ ...flags, threads: flags.threads ?? '1' })
  const result = await benchScale(options, engines, (phase) => process.stderr.write(`${phase} …\n`))
  await writeResult(result, scaleTable(result), flags.json)
}

/** @param engines counts, in the order measured */
export async function benchScale(
  options: ServeOptions,
  engines: readonly number[],
  onProgress: OnProgress,
): Promise<ScaleResult> {
  const prepared = await prepareBench(options, onProgress)
  const tiers = prepared.family.manifest.tiers.map(({ tier }) => tier)
  onProgress('routing decisions')
  const decisions = [0, 16, 256].map((waiting) => measureDecisions({ tiers, waiting, durationMs: DECISIONS_MS }))
  const points: ScalePoint[] = []
  let description: RunDescription | undefined
  for (const count of engines) {
    const layout = { ...options, server: { ...options.server, engines: String(count) } }
    const { measured, run } = await withServer({ ...prepared, options: layout }, async (server) => {
      const found: { tier: TierName; capacity: Capacity }[] = []
      for (const tier of tiers) {
        onProgress(`${count} engines, ${tier}: capacity`)
        const connections = connectionsFor(server, tier)
        const durationMs = CAPACITY_SHARE * 1_000 * options.seconds
        found.push({
          tier,
          capacity: await measureCapacity(server.context, { tier, budgetsMs: [], connections, durationMs }),
        })
      }
      return found
    })
    description ??= run
    points.push({
      engines: run.server.engines,
      threads: run.server.threads,
      readyAfterMs: run.server.readyAfterMs,
      rssMiB: run.server.whenReady?.rssMiB ?? null,
      tiers: measured.map(({ tier, capacity }, index) => ({
        tier,
        capacity,
        speedup:
          capacity.textsPerSecond / (points[0]?.tiers[index]?.capacity.textsPerSecond ?? capacity.textsPerSecond),
      })),
    })
  }
  const { server: _, ...run } = description!
  const phases = points.flatMap((point) =>
    point.tiers.map(({ tier, capacity }) => ({
      name: `${point.engines} engines, ${tier}`,
      generatorCpus: generatorCpus(capacity.cpu),
    })),
  )
  return { bench: 'scale', ...run, points, decisions, warnings: generatorWarnings(phases, run.placement.generators) }
}

function scaleTable({ family, workload, points, decisions, warnings, ...run }: ScaleResult): string {
  return [
    `family ${family}; ${workload.source}`,
    runLine(run),
    '',
    'Capacity against engines (closed loop)',
    textTable(
      [
        'engines',
        'threads of each',
        'tier',
        'texts/s',
        'tokens/s',
        'against the first',
        'ready after s',
        'resident MiB',
      ],
      points.flatMap(({ engines, threads, readyAfterMs, rssMiB, tiers }) =>
        tiers.map(({ tier, capacity, speedup }) => [
          engines,
          threads,
          tier,
          capacity.textsPerSecond,
          capacity.tokensPerSecond,
          `${speedup.toFixed(2)}x`,
          readyAfterMs / 1_000,
          rssMiB === null ? null : Math.round(rssMiB),
        ]),
      ),
    ),
    '',
    'A routing decision: the forecast of every tier and the choice, in this process',
    textTable(
      ['requests waiting', 'decisions', 'mean µs', 'p50 µs', 'p99 µs'],
      decisions.map(({ waiting, count, meanUs, p50Us, p99Us }) => [waiting, count, meanUs, p50Us, p99Us]),
    ),
    ...warnings.map((warning) => `\nwarning: ${warning}`),
  ].join('\n')
}
