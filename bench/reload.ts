/** The reload bench: what callers of one family see while another is reloaded. */
import { InvalidConfiguration } from '../src/errors.js'
import { TIER_NAMES, type TierName } from '../src/family/family-schema.js'
import { listFamilies } from '../src/family/list-families.js'
import { completionRate } from './load/completion-rate.js'
import type { LoadGenerator, RequestMix } from './load/load-generator.js'
import { completionsOf, isAnswered, type Observation } from './load/observation.js'
import { type DurationPercentiles, durationPercentiles } from './load/percentile.js'
import { runLine } from './output/run-line.js'
import { textTable } from './output/text-table.js'
import { type BenchResult, writeResult } from './output/write-result.js'
import { openLoopWhile } from './reload/open-loop-while.js'
import { type MeasuredServer, type OnProgress, prepareBench, withServer } from './serving/measured-server.js'
import { oneNumber, oneOf, type ServeFlags, type ServeOptions, serveOptions } from './serving/serve-options.js'
import type { RunDescription } from './serving/serve-result.js'
import { copyModels, type ModelsCopy, reload } from './soak/reloads.js'

export interface ReloadFlags extends ServeFlags {
  readonly tier: string
  readonly rounds: string
}

interface ReloadOptions {
  readonly tier: TierName
  readonly rounds: number
  /** another than the one that is asked */
  readonly reloaded: string
}

/** Requests of all rounds, from the intended send. */
export interface ReloadPhase extends DurationPercentiles {
  readonly requests: number
  /** by code */
  readonly errors: Readonly<Record<string, number>>
}

export interface ReloadResult extends BenchResult, RunDescription {
  readonly bench: 'reload'
  readonly tier: TierName
  readonly reloaded: string
  readonly capacityPerSecond: number
  readonly ratePerSecond: number
  readonly quiet: ReloadPhase
  readonly reloading: ReloadPhase
  /** from the signal until the new version answered */
  readonly reloadsMs: readonly number[]
}

const CAPACITY_SHARE = 0.5
const CONNECTIONS = 8

/** `npm run bench -- reload` */
export async function runReloadBench(flags: ReloadFlags): Promise<void> {
  const options = serveOptions(flags)
  const copy = await copyModels(options.server.models)
  try {
    const copied = { ...options, server: { ...options.server, models: copy.folder } }
    const result = await benchReload(copied, copy, flags, (phase) => process.stderr.write(`${phase} …\n`))
    await writeResult(result, reloadTable(result), flags.json)
  } finally {
    await copy.remove()
  }
}

/** Rounds take turns, so that a machine that drifts drifts under both. */
async function benchReload(
  options: ServeOptions,
  models: ModelsCopy,
  flags: ReloadFlags,
  onProgress: OnProgress,
): Promise<ReloadResult> {
  const prepared = await prepareBench(options, onProgress)
  const asked = await reloadOptions(flags, options, prepared.family.manifest.name)
  const { measured, run } = await withServer(prepared, (server) => measure(server, models, asked))
  return { bench: 'reload', ...run, tier: asked.tier, reloaded: asked.reloaded, ...measured }
}

async function measure(server: MeasuredServer, models: ModelsCopy, { tier, rounds, reloaded }: ReloadOptions) {
  const { context, options, onProgress } = server
  const mix = { tier, budgetsMs: [] }
  const send = (intendedMs: number) => context.load.send(mix, intendedMs)
  onProgress('capacity')
  const capacityPerSecond = await capacityOf(context.load, mix, CAPACITY_SHARE * 1_000 * options.seconds)
  const ratePerSecond = options.loadShares[0]! * capacityPerSecond
  const loop = (goesOn: () => boolean) => openLoopWhile(goesOn, ratePerSecond, context.random, send)
  const quiet: Observation[] = []
  const reloading: Observation[] = []
  const reloadsMs: number[] = []
  for (let round = 1; round <= rounds; round++) {
    onProgress(`round ${round} of ${rounds}: quiet`)
    const untilMs = performance.now() + 1_000 * options.seconds
    quiet.push(...(await loop(() => performance.now() < untilMs)))
    onProgress(`round ${round} of ${rounds}: "${reloaded}" is reloaded`)
    let over = false
    const reloads = reload(context.server, models, reloaded).finally(() => {
      over = true
    })
    reloading.push(...(await loop(() => !over)))
    const tookMs = await reloads
    if (tookMs === undefined) throw new Error(`the reload of "${reloaded}" did not come through`)
    reloadsMs.push(tookMs)
  }
  return { capacityPerSecond, ratePerSecond, quiet: phaseOf(quiet), reloading: phaseOf(reloading), reloadsMs }
}

async function capacityOf(load: LoadGenerator, mix: RequestMix, durationMs: number): Promise<number> {
  const { observations, startMs, endMs } = await load.closedLoop({ ...mix, connections: CONNECTIONS, durationMs })
  const { textsPerSecond } = completionRate(completionsOf(observations), startMs + durationMs / 5, endMs)
  if (textsPerSecond === 0) throw new InvalidConfiguration('--seconds', 'nothing was answered in that time; give more')
  return textsPerSecond
}

function phaseOf(observations: readonly Observation[]): ReloadPhase {
  const errors: Record<string, number> = {}
  for (const { outcome } of observations) {
    if ('errorCode' in outcome) errors[outcome.errorCode] = (errors[outcome.errorCode] ?? 0) + 1
  }
  const times = observations.filter(isAnswered).map(({ intendedMs, endedMs }) => endedMs - intendedMs)
  return { requests: observations.length, errors, ...durationPercentiles(times) }
}

async function reloadOptions(flags: ReloadFlags, { server }: ServeOptions, asked: string): Promise<ReloadOptions> {
  const tier = oneOf('--tier', flags.tier, TIER_NAMES)
  const { families } = await listFamilies(server.models, { verify: 'sizes' })
  const reloaded = families.map(({ manifest }) => manifest.name).find((name) => name !== asked)
  if (reloaded === undefined) throw new InvalidConfiguration('--models', 'two families are needed: one is reloaded')
  return { tier, rounds: oneNumber('--rounds', flags.rounds, 1, 100, true), reloaded }
}

function reloadTable({ family, tier, reloaded, quiet, reloading, ...result }: ReloadResult): string {
  const row = (name: string, { requests, errors, p50Ms, p90Ms, p99Ms, maxMs }: ReloadPhase) => [
    ...[name, requests, Object.values(errors).reduce((a, b) => a + b, 0), p50Ms, p90Ms, p99Ms, maxMs],
  ]
  const ratio = reloading.p99Ms !== null && quiet.p99Ms ? (reloading.p99Ms / quiet.p99Ms).toFixed(2) : '–'
  return [
    `family ${family}, tier ${tier}, ${result.ratePerSecond.toFixed(1)} requests a second (capacity ${result.capacityPerSecond.toFixed(1)}); "${reloaded}" is reloaded`,
    runLine(result),
    textTable(
      ['while', 'requests', 'errors', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms'],
      [row('quiet', quiet), row('reloading', reloading)],
    ),
    `p99 while another family is reloaded is ${ratio} times that of quiet times`,
    `reloads, s: ${result.reloadsMs.map((ms) => (ms / 1_000).toFixed(1)).join(', ')}`,
  ].join('\n')
}
