/** The overhead bench: served throughput at saturation beside bare `session.run`, in alternating rounds. */
import { TIER_NAMES, type TierName } from '../src/family/family-schema.js'
import type { VariantName } from '../src/onnx/variants/variant-names.js'
import { runLine } from './output/run-line.js'
import { percent, textTable } from './output/text-table.js'
import { type BenchResult, writeResult } from './output/write-result.js'
import { medianRound, type OverheadRound, type OverheadShare, overheadShare } from './overhead/overhead-share.js'
import { generatorCpus } from './serving/cpu-spent.js'
import { generatorWarnings } from './serving/generator-warnings.js'
import { measureServedAndRaw } from './serving/measure-tier.js'
import { type MeasuredServer, type OnProgress, prepareBench, withServer } from './serving/measured-server.js'
import { oneNumber, oneOf, type ServeFlags, type ServeOptions, serveOptions } from './serving/serve-options.js'
import type { RunDescription } from './serving/serve-result.js'

export interface OverheadFlags extends ServeFlags {
  readonly rounds: string
  /** names, comma-separated; default: all */
  readonly tiers?: string
}

/** A teacher answers 60 texts a second on two CPUs: 20 probes a second would be a quarter of all requests. */
const PROBE_EVERY_MS = 1_000

interface MeasuredRound extends OverheadRound, OverheadShare {
  /** bare processes and threads of each, of the layout that was quicker */
  readonly rawLayout: string
}

export interface TierOverhead {
  readonly tier: TierName
  /** what the server and the bare processes run */
  readonly variant: VariantName
  readonly rounds: readonly MeasuredRound[]
  /** the round whose share of the CPUs left is in the middle */
  readonly median: MeasuredRound
}

export interface OverheadResult extends BenchResult, RunDescription {
  readonly bench: 'overhead'
  readonly tiers: readonly TierOverhead[]
  /** reasons to doubt the figures, a sentence each */
  readonly warnings: readonly string[]
}

/** `npm run bench -- overhead` */
export async function runOverheadBench(flags: OverheadFlags): Promise<void> {
  const rounds = oneNumber('--rounds', flags.rounds, 1, 1_000, true)
  const asked = { rounds, tiers: tiersOption(flags.tiers) }
  const result = await benchOverhead(serveOptions(flags), asked, (phase) => process.stderr.write(`${phase} …\n`))
  await writeResult(result, overheadTable(result), flags.json)
}

export interface OverheadOptions {
  readonly rounds: number
  readonly tiers: readonly TierName[]
}

/** @throws InvalidConfiguration */
function tiersOption(flag: string | undefined): readonly TierName[] {
  return flag?.split(',').map((tier) => oneOf('--tiers', tier, TIER_NAMES)) ?? TIER_NAMES
}

export async function benchOverhead(
  options: ServeOptions,
  { rounds, tiers: asked }: OverheadOptions,
  onProgress: OnProgress,
): Promise<OverheadResult> {
  const { measured: tiers, run } = await withServer(await prepareBench(options, onProgress), async (server) => {
    const found: TierOverhead[] = []
    for (const { tier } of server.family.manifest.tiers)
      if (asked.includes(tier)) found.push(await tierOverhead(server, tier, rounds))
    return found
  })
  const phases = tiers.map(({ tier, median }) => ({ name: tier, generatorCpus: median.generatorCpus }))
  return { bench: 'overhead', ...run, tiers, warnings: generatorWarnings(phases, run.placement.generators) }
}

async function tierOverhead(server: MeasuredServer, tier: TierName, count: number): Promise<TierOverhead> {
  const { engines, threads } = server.context.server.choice
  // CPUs of the server's own are all left to it
  const available = server.placement.cpus ? Number.POSITIVE_INFINITY : server.environment.cpusAvailable
  const cpus = { available, ofEngines: engines * threads }
  const rounds: MeasuredRound[] = []
  let variant: VariantName | undefined
  for (let i = 0; i < count; i++) {
    const { capacity, raw } = await measureServedAndRaw(server, tier, { probeEveryMs: PROBE_EVERY_MS })
    variant ??= raw.variant
    const best = raw[raw.best]
    const round = {
      servedTokensPerSecond: capacity.tokensPerSecond,
      rawTokensPerSecond: best.tokensPerSecond,
      servedTokensPerCpuSecond: capacity.tokensPerCpuSecond,
      rawTokensPerCpuSecond: best.tokensPerCpuSecond,
      generatorCpus: generatorCpus(capacity.cpu),
    }
    rounds.push({ ...round, rawLayout: `${raw.processes} x ${raw.threads}`, ...overheadShare(round, cpus) })
  }
  return { tier, variant: variant!, rounds, median: medianRound(rounds, ({ ofCpusLeft }) => ofCpusLeft) }
}

function overheadTable({ family, server, workload, tiers, warnings, ...run }: OverheadResult): string {
  return [
    `family ${family} on ${server.provider}, engines ${server.engines}, threads of each ${server.threads}, server from ${server.from}`,
    workload.source,
    runLine(run),
    '',
    'Served at saturation over bare session.run; the median round of each tier',
    textTable(
      [
        'tier',
        'variant',
        'bare processes x threads',
        'raw tokens/s',
        'served tokens/s',
        'generator CPUs',
        'share',
        'share of CPUs left',
        'share per CPU-s',
      ],
      tiers.map(({ tier, variant, median }) => [
        tier,
        variant,
        median.rawLayout,
        median.rawTokensPerSecond,
        median.servedTokensPerSecond,
        median.generatorCpus,
        percent(median.plain),
        percent(median.ofCpusLeft),
        percent(median.perCpuSecond),
      ]),
    ),
    '',
    'Share of CPUs left, all rounds',
    ...tiers.map(({ tier, rounds }) => `${tier}: ${rounds.map(({ ofCpusLeft }) => percent(ofCpusLeft)).join(', ')}`),
    ...warnings.map((warning) => `\nwarning: ${warning}`),
  ].join('\n')
}
