/** The GPU bench: one request beside bare `session.run`, packed throughput beside PyTorch, and the rate that keeps a p99. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidConfiguration } from '../src/errors.js'
import { encoderFlops } from '../src/family/encoder-flops.js'
import type { TierName } from '../src/family/family-schema.js'
import { BATCH_SHAPE } from '../src/serving/batch-planner.js'
import { StayAwake } from '../src/threads/stay-awake.js'
import { loadTokenizer } from '../src/tokenizer/text-tokenizer.js'
import { withSpecialTokens } from '../src/tokenizer/windows.js'
import { createRandom } from '../training/random.js'
import { type PytorchAnchor, pytorchAnchor } from './gpu/pytorch-anchor.js'
import { writeRandomFamily } from './gpu/random-family.js'
import { runClosedLoop } from './load/closed-loop.js'
import { isAnswered } from './load/observation.js'
import { type DurationPercentiles, durationPercentiles } from './load/percentile.js'
import { poissonArrivals } from './load/poisson-arrivals.js'
import { searchGoodput, type Trial, trialOf } from './load/search-goodput.js'
import { runLine } from './output/run-line.js'
import { percent, textTable } from './output/text-table.js'
import { type BenchResult, writeResult } from './output/write-result.js'
import { type RawThroughput, timeRaw } from './raw/measure-raw.js'
import { generatorCpus } from './serving/cpu-spent.js'
import { generatorWarnings } from './serving/generator-warnings.js'
import type { Capacity } from './serving/measure-capacity.js'
import { measureServedAndRaw, rawModel } from './serving/measure-tier.js'
import {
  chosenFamily,
  type MeasuredServer,
  type OnProgress,
  prepareBench,
  withServer,
} from './serving/measured-server.js'
import { oneNumber, type ServeFlags, type ServeOptions, serveOptions } from './serving/serve-options.js'
import type { RunDescription } from './serving/serve-result.js'
import { textOfTokens } from './workload/synthetic-texts.js'

export interface GpuFlags extends ServeFlags {
  readonly tier: string
  readonly architecture?: string
  readonly python: string
  readonly ceiling: string
  readonly limit: string
  readonly trials: string
}

export interface GpuOptions {
  readonly tier: string
  /** random weights of this shape in place of the family's; undefined: the family itself */
  readonly architecture?: string | undefined
  /** program that has PyTorch and transformers */
  readonly python: string
  /** matrix products that the device reaches, TFLOP/s */
  readonly ceilingTflops: number
  readonly limitMs: number
  readonly trials: number
}

export interface GpuMeasured {
  readonly tier: TierName
  readonly single128: {
    readonly http: DurationPercentiles
    readonly raw: DurationPercentiles
    readonly httpOverRawMs: number
  }
  readonly capacity: Capacity
  /** of the workload's texts: one a window */
  readonly sequences: number
  readonly raw: RawThroughput
  readonly pytorch: PytorchAnchor | { readonly skipped: string }
  /** matrix products of the answers at capacity, over the ceiling */
  readonly shareOfCeiling: number
  /** the same of bare `session.run` at its best */
  readonly rawShareOfCeiling: number
  /** open loop; null when no rate tried kept the limit */
  readonly goodput: Trial | null
  readonly trials: readonly Trial[]
  /** texts of goodput over capacity: MLPerf's server over offline */
  readonly serverOverOffline: number | null
}

export interface GpuResult extends BenchResult, RunDescription, GpuMeasured {
  readonly bench: 'gpu'
  readonly gpuOptions: GpuOptions
  /** reasons to doubt the figures, a sentence each */
  readonly warnings: readonly string[]
}

/** `npm run bench -- gpu` */
export async function runGpuBench(flags: GpuFlags): Promise<void> {
  const options = {
    tier: flags.architecture === undefined ? flags.tier : 'teacher',
    architecture: flags.architecture,
    python: flags.python,
    ceilingTflops: oneNumber('--ceiling', flags.ceiling, 0.001, 1e6),
    limitMs: oneNumber('--limit', flags.limit, 1, 60_000),
    trials: oneNumber('--trials', flags.trials, 1, 20, true),
  }
  const result = await benchGpu(serveOptions(flags), options, (phase) => process.stderr.write(`${phase} …\n`))
  await writeResult(result, gpuTable(result), flags.json)
}

export async function benchGpu(serve: ServeOptions, options: GpuOptions, onProgress: OnProgress): Promise<GpuResult> {
  const scratch =
    options.architecture === undefined ? undefined : await mkdtemp(join(tmpdir(), 'lextier-bench-family-'))
  try {
    let chosen = serve
    if (scratch !== undefined) {
      onProgress('random weights')
      const like = await chosenFamily(serve)
      const family = await writeRandomFamily(scratch, like, options.architecture!, serve.seed)
      chosen = { ...serve, family, server: { ...serve.server, models: scratch, cache: join(scratch, 'cache') } }
    }
    const prepared = await prepareBench(chosen, onProgress)
    const { measured, run } = await withServer(prepared, (server) => measure(server, options))
    return { bench: 'gpu', ...run, ...measured, gpuOptions: options, warnings: gpuWarnings(run, measured) }
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true })
  }
}

/** Special tokens included. */
const SINGLE_TOKENS = 128
const SINGLE_SHARE = 0.3

async function measure(server: MeasuredServer, options: GpuOptions): Promise<GpuMeasured> {
  const { family, workload, context, onProgress, maxBatchTokens } = server
  const { textsPerRequest } = server.options
  const manifest = family.manifest.tiers.find(({ tier }) => tier === options.tier)
  if (!manifest) throw new InvalidConfiguration('--tier', `"${options.tier}" is not a tier of ${family.manifest.name}`)
  const { tier, config } = manifest
  const { capacity, raw } = await measureServedAndRaw(server, tier)
  // after thousands of requests: before them V8 still compiles the server's code as it runs, which doubles a lone request's time
  onProgress(`one request of ${SINGLE_TOKENS} tokens`)
  const single128 = await measureSingle(server, tier)
  onProgress('PyTorch')
  const lengths = workload.texts.flatMap(({ sequences }) => sequences.map(({ length }) => length))
  const pytorch = await pytorchAnchor({
    python: options.python,
    device: context.server.choice.provider === 'cuda' ? 'cuda' : 'cpu',
    config,
    lengths,
    maxTokens: maxBatchTokens[tier]!,
    maxRows: BATCH_SHAPE.maxRows,
    seconds: SINGLE_SHARE * server.options.seconds,
  })
  onProgress(`rate that keeps p99 ≤ ${options.limitMs} ms`)
  const { best, trials } = await searchGoodput(
    (rate) => openLoop(server, tier, rate, options.limitMs),
    capacity.textsPerSecond / textsPerRequest,
    options.trials,
  )
  const flopsPerText = lengths.reduce((sum, tokens) => sum + encoderFlops(config, tokens), 0) / workload.texts.length
  const shareOfCeiling = (textsPerSecond: number) => (flopsPerText * textsPerSecond) / (options.ceilingTflops * 1e12)
  return {
    tier,
    single128,
    capacity,
    sequences: lengths.length,
    raw,
    pytorch,
    shareOfCeiling: shareOfCeiling(capacity.textsPerSecond),
    rawShareOfCeiling: shareOfCeiling(raw[raw.best].textsPerSecond),
    goodput: best,
    trials,
    serverOverOffline: best && (best.goodPerSecond * textsPerRequest) / capacity.textsPerSecond,
  }
}

async function measureSingle(server: MeasuredServer, tier: TierName): Promise<GpuMeasured['single128']> {
  const { family, context, options } = server
  const tokenizer = loadTokenizer(family.paths.tokenizer)
  const random = createRandom(options.seed).fork('single')
  const text = await textOfTokens(SINGLE_TOKENS - 2, tokenizer, random)
  const body = Buffer.from(JSON.stringify({ text }))
  const durationMs = SINGLE_SHARE * 1_000 * options.seconds
  // the server's time is asked for: that it takes this thread to be woken is none of it, and bare runs wake nobody
  if (server.placement.poll) new StayAwake(durationMs).extend()
  const { observations } = await runClosedLoop({
    connections: 1,
    durationMs,
    send: () => context.client.predict({ body, tier }),
  })
  const http = durationPercentiles(observations.filter(isAnswered).map(({ sentMs, endedMs }) => endedMs - sentMs))
  const { ids } = await tokenizer.encode(text)
  const durations = await timeRaw({
    ...(await rawModel(server, tier)),
    texts: [{ tokens: ids.length, sequences: [withSpecialTokens(ids, tokenizer)] }],
    durationMs,
  })
  const raw = durationPercentiles(durations)
  return { http, raw, httpOverRawMs: (http.p50Ms ?? Number.NaN) - raw.p50Ms! }
}

async function openLoop(
  server: MeasuredServer,
  tier: TierName,
  ratePerSecond: number,
  limitMs: number,
): Promise<Trial> {
  const { options, context } = server
  const durationMs = 1_000 * options.seconds
  const arrivalsMs = poissonArrivals(ratePerSecond, durationMs, createRandom(options.seed).fork('gpu'))
  const requests = { tier, budgetsMs: [] }
  const observations = await context.load.openLoop({ arrivalsMs, requests, poll: server.placement.poll })
  return trialOf(observations, ratePerSecond, durationMs, limitMs)
}

function gpuWarnings({ placement }: RunDescription, { capacity, trials }: GpuMeasured): string[] {
  const rates = trials.map(({ ratePerSecond, sendLagP99Ms }) => ({
    name: `open loop at ${ratePerSecond.toPrecision(3)} requests/s`,
    sendLagP99Ms,
  }))
  return generatorWarnings(
    [{ name: 'capacity', generatorCpus: generatorCpus(capacity.cpu) }, ...rates],
    placement.generators,
  )
}

function gpuTable({ family, tier, server, workload, single128, ...result }: GpuResult): string {
  const { capacity, raw, pytorch, shareOfCeiling, rawShareOfCeiling, goodput, serverOverOffline, gpuOptions } = result
  const { limitMs, ceilingTflops } = gpuOptions
  const { textsPerRequest } = result.options
  // a text of several windows is several sequences
  const perSequence = workload.texts / result.sequences
  const pytorchRow = (order: string, sequencesPerSecond: number): [string, number, number] => [
    `PyTorch, ${order}`,
    sequencesPerSecond * perSequence,
    sequencesPerSecond * perSequence * workload.tokens.mean,
  ]
  const pytorchRows =
    'skipped' in pytorch
      ? []
      : [
          pytorchRow('batches in order, padded', pytorch.paddedSequencesPerSecond),
          pytorchRow('batches of similar lengths', pytorch.sortedSequencesPerSecond),
        ]
  const ms = (value: number | null) => (value === null ? '–' : `${value.toFixed(2)} ms`)
  return [
    `family ${family}, tier ${tier} as ${raw.variant} on ${server.provider}, engines ${server.engines}, server from ${server.from}`,
    workload.source,
    runLine(result),
    '',
    `One request of ${SINGLE_TOKENS} tokens, p50: HTTP ${ms(single128.http.p50Ms)}, bare session.run ${ms(single128.raw.p50Ms)}, difference ${ms(single128.httpOverRawMs)}` +
      ('skipped' in pytorch ? '' : `; PyTorch ${ms(pytorch.single128P50Ms)}`),
    '',
    'Throughput on these lengths',
    textTable(
      ['what', 'texts/s', 'tokens/s'],
      [
        ['served over HTTP, saturated', capacity.textsPerSecond, capacity.tokensPerSecond],
        ['bare session.run, one by one', raw.oneByOne.textsPerSecond, raw.oneByOne.tokensPerSecond],
        ['bare session.run, length-sorted', raw.lengthSorted.textsPerSecond, raw.lengthSorted.tokensPerSecond],
        ...pytorchRows,
      ],
    ),
    'skipped' in pytorch
      ? `skipped PyTorch: ${pytorch.skipped}`
      : `PyTorch ${pytorch.versions.torch} in ${pytorch.precision} on ${pytorch.device}`,
    `matrix products: ${percent(shareOfCeiling)} of ${ceilingTflops} TFLOP/s served at saturation, ${percent(rawShareOfCeiling)} by bare session.run`,
    '',
    goodput
      ? `Poisson load: ${(goodput.goodPerSecond * textsPerRequest).toPrecision(3)} texts/s with p99 ${ms(goodput.p99Ms)} (limit ${limitMs} ms), ${percent(serverOverOffline)} of the saturated throughput; sends late by ${ms(goodput.sendLagP99Ms)} at p99`
      : `Poisson load: no rate tried kept p99 ≤ ${limitMs} ms`,
    ...result.warnings.map((warning) => `\nwarning: ${warning}`),
  ].join('\n')
}
