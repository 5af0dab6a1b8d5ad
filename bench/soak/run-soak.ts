/** Loads the real server for a time, reloads its families under way, and watches its memory and its answers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { bundledModels } from '../../src/cli/package-root.js'
import { InvalidConfiguration, NotReady } from '../../src/errors.js'
import { createRandom } from '../../training/random.js'
import { describeEnvironment } from '../host/environment.js'
import { placeLoad } from '../host/placement.js'
import { type RunningServer, startServer } from '../host/running-server.js'
import { startLiveProbe } from '../load/live-probe.js'
import { runOpenLoop } from '../load/open-loop.js'
import { durationPercentiles } from '../load/percentile.js'
import { poissonArrivals } from '../load/poisson-arrivals.js'
import { writeResult } from '../output/write-result.js'
import { watchMemory } from './memory-watch.js'
import { copyModels, type ModelsCopy, reload } from './reloads.js'
import { SoakAnswers } from './soak-answers.js'
import { createSoakClient } from './soak-client.js'
import { type SoakReload, type SoakResult, soakFaults, soakTable } from './soak-result.js'
import { soakTurn } from './soak-turn.js'

export interface SoakFlags {
  readonly minutes: string
  readonly models?: string
  readonly family?: string
  readonly load: string
  readonly reloads: string
  readonly engines?: string
  readonly threads?: string
  readonly serverCpus?: string
  readonly serverOptions?: string
  readonly json?: string
}

const START_TIMEOUT_MS = 300_000
const REQUEST_TIMEOUT_MS = 120_000
const CAPACITY_MS = 8_000
const CAPACITY_CALLERS = 8
const PROBE_INTERVAL_MS = 500
/** Of arrivals that are scheduled at once: an hour of them would be memory of the generator's. */
const SLICE_MS = 10_000
/** Of the time: the engines of the second half grow old enough to be judged. */
const RELOADING = 0.5
/** A machine that is taken away for a minute must not become an avalanche. */
const MAX_OPEN_TURNS = 256
const SEED = 1

/** @returns whether every request was answered or refused by name, and the server did not grow */
export async function runSoak(flags: SoakFlags): Promise<boolean> {
  const [minutes, load, reloads] = [Number(flags.minutes), Number(flags.load), Number(flags.reloads)]
  if (!(minutes > 0)) throw new InvalidConfiguration('--minutes', 'give a number above 0')
  if (!(load > 0 && load <= 1)) throw new InvalidConfiguration('--load', 'give a number above 0, up to 1')
  if (!(Number.isInteger(reloads) && reloads >= 0)) throw new InvalidConfiguration('--reloads', 'give a whole number')
  const environment = { ...describeEnvironment(), command: ['npm run soak --', ...process.argv.slice(2)].join(' ') }
  const { engines, threads, serverCpus, serverOptions } = flags
  const placement = placeLoad({ generators: 1, serverCpus })
  const models = await copyModels(flags.models ?? bundledModels())
  try {
    const server = await startServer(
      { models: models.folder, provider: 'cpu', engines, threads, cpus: serverCpus, more: serverOptions },
      START_TIMEOUT_MS,
    )
    try {
      const families = flags.family ? [flags.family] : await familyNames(server.origin)
      const soaked = await soak(server, models, { families, minutes, load, reloads })
      const result: SoakResult = { bench: 'soak', environment, placement, families, ...soaked }
      await writeResult(result, soakTable(result), flags.json)
      return soakFaults(result).length === 0
    } finally {
      await server.stop()
    }
  } finally {
    await models.remove()
  }
}

interface SoakPlan {
  readonly families: readonly string[]
  readonly minutes: number
  readonly load: number
  readonly reloads: number
}

async function soak(server: RunningServer, models: ModelsCopy, plan: SoakPlan) {
  const { families, minutes, load } = plan
  const random = createRandom(SEED).fork('soak')
  const answers = new SoakAnswers()
  const client = createSoakClient(server.origin, REQUEST_TIMEOUT_MS, answers)
  const capacityPerSecond = await capacityOf(() => client.send(soakTurn(families, random)))
  const ratePerSecond = load * capacityPerSecond
  process.stderr.write(`${capacityPerSecond.toFixed(1)} turns a second; ${ratePerSecond.toFixed(1)} from now on\n`)
  const durationMs = minutes * 60_000
  const memory = watchMemory(server.pid)
  const startProcesses = memory.processes() ?? 0
  const probe = startLiveProbe(`${server.origin}/health/live`, PROBE_INTERVAL_MS)
  const reloading = reloadInTurn(server, models, plan)
  const sent = { sent: 0, disconnected: 0, heldBack: 0 }
  const took: number[] = []
  const open = new Set<Promise<void>>()
  const startMs = performance.now()
  while (performance.now() < startMs + durationMs) {
    const leftMs = startMs + durationMs - performance.now()
    const arrivalsMs = poissonArrivals(ratePerSecond, Math.min(SLICE_MS, leftMs), random)
    // sent, not awaited: the next slice begins on time
    const begun = (_: number, intendedMs: number) => {
      const turn = soakTurn(families, random)
      if (open.size >= MAX_OPEN_TURNS) sent.heldBack++
      else {
        sent.sent++
        if (turn.kind === 'disconnect') sent.disconnected++
        const ended = client.send(turn).then(() => {
          if (turn.kind !== 'disconnect') took.push(performance.now() - intendedMs)
          open.delete(ended)
        })
        open.add(ended)
      }
      return Promise.resolve()
    }
    await Promise.all([runOpenLoop({ arrivalsMs, send: begun, poll: false }), sleep(Math.min(SLICE_MS, leftMs))])
    progress(performance.now() - startMs, sent.sent, answers)
  }
  await Promise.all(open)
  const reloads = await reloading
  const live = await probe.stop()
  const endProcesses = await settledProcesses(memory.processes, startProcesses)
  client.close()
  return {
    options: { minutes, load, seed: SEED },
    capacityPerSecond,
    turns: sent,
    counts: answers.counts,
    latency: durationPercentiles(took),
    liveFailed: live.failed,
    reloads,
    memory: memory.stop(),
    processes: { start: startProcesses, end: endProcesses },
  }
}

/** Spread over the first part of the time; each of the families in turn. */
async function reloadInTurn(server: RunningServer, models: ModelsCopy, { families, minutes, reloads }: SoakPlan) {
  const done: SoakReload[] = []
  const startMs = performance.now()
  for (let turn = 0; turn < reloads; turn++) {
    const dueMs = startMs + (RELOADING * 60_000 * minutes * (turn + 0.5)) / reloads
    await sleep(Math.max(0, dueMs - performance.now()))
    const family = families[turn % families.length]!
    const atMinutes = (performance.now() - startMs) / 60_000
    done.push({ atMinutes, family, tookMs: (await reload(server, models, family)) ?? null })
  }
  return done
}

async function capacityOf(send: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  let turns = 0
  const caller = async () => {
    while (performance.now() < startMs + CAPACITY_MS) {
      await send()
      turns++
    }
  }
  await Promise.all(Array.from({ length: CAPACITY_CALLERS }, caller))
  return turns / ((performance.now() - startMs) / 1_000)
}

/** Engines that a reload has replaced take a moment to leave. */
async function settledProcesses(processes: () => number | undefined, expected: number): Promise<number> {
  for (let waitedMs = 0; (processes() ?? 0) > expected && waitedMs < 10_000; waitedMs += 200) await sleep(200)
  const count = processes()
  if (count === undefined) throw new NotReady('the server has ended')
  return count
}

async function familyNames(origin: string): Promise<string[]> {
  const { families } = (await (await fetch(`${origin}/v1/families`)).json()) as { families: { name: string }[] }
  return families.map(({ name }) => name)
}

export async function firstFamily(origin: string): Promise<string> {
  return (await familyNames(origin))[0]!
}

let lastMinute = 0
function progress(elapsedMs: number, sent: number, { counts }: SoakAnswers): void {
  const minute = Math.floor(elapsedMs / 60_000)
  if (minute === lastMinute) return
  lastMinute = minute
  process.stderr.write(
    `${minute} min: ${sent} turns, ${counts.answered} answers, failed ${JSON.stringify(counts.failed)}\n`,
  )
}
