/** Offers the real server many times what it can do, and sees what it keeps up. */
import { setTimeout as sleep } from 'node:timers/promises'
import { bundledModels } from '../../src/cli/package-root.js'
import { InvalidConfiguration, NotReady } from '../../src/errors.js'
import { TIER_NAMES } from '../../src/family/family-schema.js'
import { createRandom } from '../../training/random.js'
import { placeLoad, placementLine } from '../host/placement.js'
import { processTreeUsage } from '../host/process-tree.js'
import { startServer } from '../host/running-server.js'
import { completionRate } from '../load/completion-rate.js'
import { createLoadGenerator } from '../load/generator-threads.js'
import { startLiveProbe } from '../load/live-probe.js'
import { type LoadGenerator, localGenerator, type RequestMix } from '../load/load-generator.js'
import { completionsOf, isAnswered, type Observation } from '../load/observation.js'
import { durationPercentiles } from '../load/percentile.js'
import { poissonArrivals } from '../load/poisson-arrivals.js'
import { createPredictClient } from '../load/predict-client.js'
import { generatorsOption, oneNumber, oneOf } from '../serving/serve-options.js'
import { type OverloadFigures, overloadFaults } from './overload-verdict.js'
import { firstFamily, type SoakFlags } from './run-soak.js'
import { SOAK_TEXTS, soakText } from './soak-turn.js'

const START_TIMEOUT_MS = 300_000
/** Accepted requests wait behind a full queue. */
const REQUEST_TIMEOUT_MS = 300_000
const CAPACITY_MS = 15_000
const PROBE_INTERVAL_MS = 20
const SEED = 1
/** Of the time: queues and heap have then found their size. */
const FILLING = 0.3

/** @returns whether every promise under overload was kept */
export async function runOverload(
  flags: SoakFlags & { overload: string; tier: string; generators: string; connections: string },
): Promise<boolean> {
  const [times, durationMs] = [Number(flags.overload), Number(flags.minutes) * 60_000]
  if (!(times > 1)) throw new InvalidConfiguration('--overload', 'give a number above 1')
  if (!(durationMs > 0)) throw new InvalidConfiguration('--minutes', 'give a number above 0')
  const tier = oneOf('--tier', flags.tier, ['auto', ...TIER_NAMES])
  const connections = oneNumber('--connections', flags.connections, 1, 4_096, true)
  const { models = bundledModels(), engines, threads, serverCpus, serverOptions } = flags
  const placement = placeLoad({ generators: generatorsOption(flags.generators), serverCpus })
  const server = await startServer(
    { models, provider: 'cpu', engines, threads, cpus: serverCpus, managementPort: '0', more: serverOptions },
    START_TIMEOUT_MS,
  )
  try {
    const family = flags.family ?? (await firstFamily(server.origin))
    const mix = { tier, budgetsMs: [] }
    const generator = await overloadGenerator(server.origin, family, placement.generators)
    const capacityBefore = await capacityOf(generator, mix, connections)
    process.stdout.write(
      `capacity: ${capacityBefore.toFixed(1)} requests a second; offering ${times} times that; ${placementLine(placement)}\n`,
    )
    const probe = startLiveProbe(`${server.managementOrigin}/health/live`, PROBE_INTERVAL_MS)
    const apiProbe = startLiveProbe(`${server.origin}/health/live`, PROBE_INTERVAL_MS)
    const startMs = performance.now()
    const arrivalsMs = poissonArrivals(times * capacityBefore, durationMs, createRandom(SEED))
    const load = generator.openLoop({ arrivalsMs, requests: mix, poll: false })
    await sleep(FILLING * durationMs)
    const rssBeforeMiB = apiRssMiB(server.pid)
    await sleep((1 - FILLING) * durationMs)
    const [live, apiLive] = await Promise.all([probe.stop(), apiProbe.stop()])
    const rssAfterMiB = apiRssMiB(server.pid)
    const observations = await load
    // a machine that others use too is not always as quick
    const capacityAfter = await capacityOf(generator, mix, connections)
    await generator.close()
    process.stdout.write(`capacity afterwards: ${capacityAfter.toFixed(1)} requests a second\n`)
    const figures: OverloadFigures = {
      capacityPerSecond: (capacityBefore + capacityAfter) / 2,
      goodputPerSecond: answerRate(observations, startMs, startMs + durationMs),
      ...outcomesOf(observations),
      liveP99Ms: live.p99Ms,
      liveFailed: live.failed,
      apiLiveP99Ms: apiLive.p99Ms,
      apiLiveFailed: apiLive.failed,
      rssBeforeMiB,
      rssAfterMiB,
    }
    return verdict(figures)
  } finally {
    await server.stop()
  }
}

/** Sends the soak's texts, each as often as any other. */
function overloadGenerator(origin: string, family: string, threads: number): Promise<LoadGenerator> {
  const bodies = Array.from({ length: SOAK_TEXTS }, (_, turn) => JSON.stringify({ text: soakText(turn) }))
  const local = localGenerator(
    createPredictClient(origin, family, REQUEST_TIMEOUT_MS),
    bodies.map((body) => Buffer.from(body)),
    createRandom(SEED).fork('load'),
  )
  return createLoadGenerator(local, { origin, family, timeoutMs: REQUEST_TIMEOUT_MS, bodies, seed: SEED }, threads)
}

async function capacityOf(generator: LoadGenerator, mix: RequestMix, connections: number): Promise<number> {
  const run = await generator.closedLoop({ ...mix, connections, durationMs: CAPACITY_MS })
  const rate = answerRate(run.observations, run.startMs + CAPACITY_MS / 5, run.endMs)
  if (rate === 0) throw new NotReady('no request was answered in time; is the tier too slow for this machine?')
  return rate
}

function answerRate(observations: readonly Observation[], fromMs: number, toMs: number): number {
  return completionRate(completionsOf(observations), fromMs, toMs).textsPerSecond
}

function outcomesOf(observations: readonly Observation[]) {
  const refusalsMs: number[] = []
  const errors: Record<string, number> = {}
  for (const { sentMs, endedMs, outcome } of observations) {
    if (!('errorCode' in outcome)) continue
    if (outcome.errorCode === 'OVERLOADED') refusalsMs.push(endedMs - sentMs)
    else errors[outcome.errorCode] = (errors[outcome.errorCode] ?? 0) + 1
  }
  return {
    answered: observations.filter(isAnswered).length,
    sendLagP99Ms: durationPercentiles(observations.map(({ intendedMs, sentMs }) => sentMs - intendedMs)).p99Ms,
    refused: refusalsMs.length,
    refusalP99Ms: durationPercentiles(refusalsMs).p99Ms,
    errors,
  }
}

/** @throws InvalidConfiguration when so many connections are open that not even this can be read */
function apiRssMiB(pid: number): number {
  try {
    const usage = processTreeUsage(pid)
    if (!usage) throw new NotReady('the server has ended')
    return usage.rootRssMiB
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error
    throw new InvalidConfiguration(
      '--overload',
      'requests come so much faster than they are refused that no more connections can be opened; offer less, or allow more open files (ulimit -n)',
    )
  }
}

function verdict(figures: OverloadFigures): boolean {
  const faults = overloadFaults(figures)
  const { capacityPerSecond, goodputPerSecond, answered, refused } = figures
  const ms = (value: number | null) => `${value?.toFixed(1) ?? '–'} ms`
  process.stdout.write(
    `answered: ${answered}, ${goodputPerSecond.toFixed(1)} a second (${((100 * goodputPerSecond) / capacityPerSecond).toFixed(0)}% of the capacity)\n` +
      `refused: ${refused}, p99 ${ms(figures.refusalP99Ms)} from the send, which was ${ms(figures.sendLagP99Ms)} late at p99\n` +
      `/health/live of the management port: p99 ${ms(figures.liveP99Ms)}\n` +
      `/health/live beside the predictions: p99 ${ms(figures.apiLiveP99Ms)}, failed ${figures.apiLiveFailed} times\n` +
      `RSS of the main process: ${figures.rssBeforeMiB.toFixed(0)} MiB, at the end ${figures.rssAfterMiB.toFixed(0)} MiB\n` +
      `${faults.length > 0 ? `FAILED: ${faults.join('; ')}` : 'passed'}\n`,
  )
  return faults.length === 0
}
