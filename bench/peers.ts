/** The peers bench: lextier beside other servers with the same model, cores and load. */

import { InvalidConfiguration } from '../src/errors.js'
import type { TierName } from '../src/family/family-schema.js'
import { tierPaths } from '../src/family/load-family.js'
import { searchGoodput, type Trial } from './load/search-goodput.js'
import { writeResult } from './output/write-result.js'
import { type Candidate, describeLayout, type Layout, type ServedModel, type Skipped } from './peers/candidate.js'
import { lextierCandidate } from './peers/lextier-candidate.js'
import { type CandidateUnderLoad, type PeerLoad, underLoad } from './peers/measure-candidate.js'
import { PEERS } from './peers/peer-list.js'
import { type PeersFlags, type PeersOptions, peersOptions } from './peers/peers-options.js'
import type { CandidateResult, PeersResult, TunedLayout } from './peers/peers-result.js'
import { peersTable } from './peers/peers-table.js'
import { type OnProgress, type Prepared, prepareBench } from './serving/measured-server.js'
import { type ServeOptions, serveOptions } from './serving/serve-options.js'

/** `npm run bench -- peers` */
export async function runPeersBench(flags: PeersFlags): Promise<void> {
  const options = serveOptions(flags)
  const result = await benchPeers(options, peersOptions(flags), (phase) => process.stderr.write(`${phase} …\n`))
  await writeResult(result, peersTable(result), flags.json)
}

/** Shares of `--seconds`. */
const TUNING_SHARE = 0.3
const CAPACITY_SHARE = 0.5
/** Of the highest capacity of a peer. */
const COMMON_LOADS = [0.25, 0.5, 0.75]
const CONNECTIONS = 32
const TEXTS_TO_COMPARE = 64

interface Peers {
  readonly prepared: Prepared
  readonly options: PeersOptions
  readonly load: PeerLoad
  readonly connections: number
}

export async function benchPeers(
  serve: ServeOptions,
  options: PeersOptions,
  onProgress: OnProgress,
): Promise<PeersResult> {
  const prepared = await prepareBench(serve, onProgress)
  const model = servedModel(prepared, options.tier)
  const { candidates, skipped } = await candidatesFor(prepared, model, options)
  const load = { texts: textsOfOneWindow(prepared), seed: serve.seed, poll: prepared.placement.poll }
  const bench: Peers = { prepared, options, load, connections: serve.connections?.[0] ?? CONNECTIONS }
  const tuned: { candidate: Candidate; tuning: CandidateResult['tuning']; layout: Layout }[] = []
  for (const candidate of candidates) {
    try {
      tuned.push({ candidate, ...(await tune(bench, candidate)) })
    } catch (error) {
      skipped.push({ name: candidate.name, reason: (error as Error).message })
    }
  }
  const commonRatesPerSecond = commonRates(
    tuned.map(({ candidate: { name }, tuning }) => ({
      name,
      textsPerSecond: Math.max(...tuning.map((one) => one.textsPerSecond)),
    })),
  )
  const found: CandidateResult[] = []
  let reference: readonly (string | undefined)[] | undefined
  for (const { candidate, tuning, layout } of tuned) {
    onProgress(`${candidate.name}: ${describeLayout(layout)}`)
    try {
      await running(bench, candidate, layout, async (server, readyAfterMs) => {
        const labels = await server.labels(TEXTS_TO_COMPARE)
        reference ??= labels
        const sameLabels = labels.filter((label, index) => label === reference![index]).length / labels.length
        const measured = await measure(bench, candidate.name, server, commonRatesPerSecond)
        const { name, versions } = candidate
        found.push({ name, versions, readyAfterMs, layout, tuning, ...measured, sameLabels })
      })
    } catch (error) {
      skipped.push({ name: candidate.name, reason: (error as Error).message })
    }
  }
  const { installFolder: _, peers: __, ...shown } = options
  return {
    bench: 'peers',
    environment: prepared.environment,
    family: prepared.family.manifest.name,
    version: prepared.family.version,
    tier: options.tier,
    placement: prepared.placement,
    workload: { ...prepared.workload, texts: load.texts.length },
    options: { ...shown, seconds: serve.seconds, seed: serve.seed },
    commonRatesPerSecond,
    candidates: found,
    skipped,
  }
}

/** Shares of what the best peer can do, or lextier where it is alone: nobody is asked for what only one could answer. */
function commonRates(capacities: readonly { readonly name: string; readonly textsPerSecond: number }[]): number[] {
  const answering = capacities.filter(({ textsPerSecond }) => textsPerSecond > 0)
  const peers = answering.filter(({ name }) => name !== 'lextier')
  const best = Math.max(0, ...(peers.length > 0 ? peers : answering).map(({ textsPerSecond }) => textsPerSecond))
  return best > 0 ? COMMON_LOADS.map((share) => share * best) : []
}

function servedModel({ family }: Prepared, tier: TierName): ServedModel {
  const found = family.manifest.tiers.find((one) => one.tier === tier)
  const names = family.manifest.tiers.map((one) => one.tier).join(', ')
  if (!found)
    throw new InvalidConfiguration('--tier', `"${tier}" is not in ${family.manifest.name}, which has: ${names}`)
  return {
    family,
    tier,
    config: found.config,
    modelFile: tierPaths(family, tier).model,
    tokenizerFile: family.paths.tokenizer,
    labels: family.manifest.labels,
    maxTokens: family.manifest.maxTokens,
  }
}

/** lextier first: its labels are what the others' are compared with. */
async function candidatesFor(
  { options: serve, environment, onProgress }: Prepared,
  model: ServedModel,
  options: PeersOptions,
) {
  const candidates = [lextierCandidate(model, serve.server, options.layouts, environment.onnxruntime)]
  const skipped: Skipped[] = []
  for (const peer of PEERS.filter(({ name }) => options.peers.includes(name))) {
    onProgress(`${peer.name}: install`)
    try {
      candidates.push(await peer.prepare(model, options.layouts, options.installFolder))
    } catch (error) {
      skipped.push({ name: peer.name, reason: (error as Error).message })
    }
  }
  return { candidates, skipped }
}

/** Peers cut longer texts where lextier reads them in windows: only those that all read whole make the work the same. */
function textsOfOneWindow({ workload }: Prepared) {
  return workload.texts
    .filter(({ sequences }) => sequences.length === 1)
    .map(({ body, tokens }) => ({ text: (JSON.parse(body.toString('utf8')) as { text: string }).text, tokens }))
}

async function tune(bench: Peers, candidate: Candidate) {
  const { prepared, connections } = bench
  const tuning: TunedLayout[] = []
  for (const layout of candidate.layouts) {
    prepared.onProgress(`${candidate.name}: capacity with ${describeLayout(layout)}`)
    try {
      await running(bench, candidate, layout, async (server) => {
        const { textsPerSecond, errors } = await server.capacity(
          connections,
          TUNING_SHARE * 1_000 * prepared.options.seconds,
        )
        tuning.push({ layout, textsPerSecond, errors })
      })
    } catch (error) {
      tuning.push({ layout, textsPerSecond: 0, errors: 0, failure: (error as Error).message })
    }
  }
  if (tuning.length === 0) throw new Error('it has none of these layouts')
  const best = tuning.reduce((one, other) => (other.textsPerSecond > one.textsPerSecond ? other : one))
  if (best.failure !== undefined) throw new Error(best.failure)
  return { tuning, layout: best.layout }
}

async function measure(bench: Peers, name: string, server: CandidateUnderLoad, rates: readonly number[]) {
  const { prepared, options, connections } = bench
  const durationMs = 1_000 * prepared.options.seconds
  const capacity = await server.capacity(connections, CAPACITY_SHARE * durationMs)
  const atCommonRates: Trial[] = []
  for (const rate of rates) {
    prepared.onProgress(`${name}: ${rate.toPrecision(3)} requests/s`)
    atCommonRates.push(await server.openLoop(rate, durationMs, options.limitMs))
  }
  prepared.onProgress(`${name}: goodput at p99 ≤ ${options.limitMs} ms`)
  const { best, trials } = await searchGoodput(
    (rate) => server.openLoop(rate, durationMs, options.limitMs),
    capacity.textsPerSecond,
    options.trials,
  )
  return { capacity, atCommonRates, goodput: best, trials }
}

async function running(
  { load, prepared }: Peers,
  candidate: Candidate,
  layout: Layout,
  use: (server: CandidateUnderLoad, readyAfterMs: number) => Promise<void>,
): Promise<void> {
  const started = await candidate.start(layout, prepared.options.serverCpus)
  const server = underLoad(candidate, started, load)
  try {
    await use(server, started.readyAfterMs)
  } finally {
    server.close()
    await started.stop()
  }
}
