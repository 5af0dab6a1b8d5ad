/** Loads the real server for a time and watches its memory. */
import { bundledModels } from '../../src/cli/package-root.js'
import { InvalidConfiguration, NotReady } from '../../src/errors.js'
import { processTreeUsage } from '../host/process-tree.js'
import { startServer } from '../host/running-server.js'
import { runClosedLoop } from '../load/closed-loop.js'
import { createPredictClient } from '../load/predict-client.js'
import { isGrowing, type MemorySample, memorySlope } from './memory-slope.js'

export interface SoakFlags {
  readonly minutes: string
  readonly models?: string
  readonly family?: string
  readonly connections: string
  readonly engines?: string
  readonly threads?: string
}

const START_TIMEOUT_MS = 300_000
const REQUEST_TIMEOUT_MS = 60_000
/** Between two readings of the memory; one line of progress each `LINES_EVERY`. */
const SLICE_MS = 1_000
const LINES_EVERY = 60
/** Words of the texts, in turn: every batch shape comes by, windows too. */
const WORDS = [12, 40, 90, 180, 320, 60, 25, 700]
const TIERS = ['auto', 'fast', 'teacher', 'auto'] as const
const SENTENCE = 'the court heard the case and the judgment of the court below was affirmed'.split(' ')

/** @returns whether the server neither failed a request nor grew */
export async function runSoak(flags: SoakFlags): Promise<boolean> {
  const [minutes, connections] = [Number(flags.minutes), Number(flags.connections)]
  if (!(minutes > 0)) throw new InvalidConfiguration('--minutes', 'give a number above 0')
  if (!(Number.isInteger(connections) && connections > 0)) {
    throw new InvalidConfiguration('--connections', 'give a whole number above 0')
  }
  const { models = bundledModels(), engines, threads } = flags
  const server = await startServer({ models, provider: 'cpu', engines, threads }, START_TIMEOUT_MS)
  try {
    const client = createPredictClient(
      server.origin,
      flags.family ?? (await firstFamily(server.origin)),
      REQUEST_TIMEOUT_MS,
    )
    let sent = 0
    const send = () => {
      const turn = sent++
      const tier = TIERS[turn % TIERS.length]!
      return client.predict({ body: Buffer.from(JSON.stringify({ text: soakText(turn) })), tier })
    }
    const samples: MemorySample[] = []
    const errors = new Map<string, number>()
    const startMs = performance.now()
    const endMs = startMs + minutes * 60_000
    while (performance.now() < endMs) {
      const { observations } = await runClosedLoop({ connections, durationMs: SLICE_MS, send })
      for (const { outcome } of observations) {
        if ('errorCode' in outcome) errors.set(outcome.errorCode, (errors.get(outcome.errorCode) ?? 0) + 1)
      }
      const usage = processTreeUsage(server.pid)
      if (!usage) throw new NotReady('the server has ended')
      samples.push({ atMs: performance.now() - startMs, rssMiB: usage.rssMiB })
      if (samples.length % LINES_EVERY === 0) progress(samples.at(-1)!, sent, errors)
    }
    client.close()
    return verdict(samples, sent, errors)
  } finally {
    await server.stop()
  }
}

export function soakText(turn: number): string {
  return Array.from({ length: WORDS[turn % WORDS.length]! }, (_, i) => SENTENCE[i % SENTENCE.length]).join(' ')
}

export async function firstFamily(origin: string): Promise<string> {
  const { families } = (await (await fetch(`${origin}/v1/families`)).json()) as { families: { name: string }[] }
  return families[0]!.name
}

function progress({ atMs, rssMiB }: MemorySample, sent: number, errors: ReadonlyMap<string, number>): void {
  const failed = [...errors.values()].reduce((a, b) => a + b, 0)
  process.stdout.write(
    `${(atMs / 60_000).toFixed(1)} min: ${sent} requests, ${failed} errors, RSS ${rssMiB.toFixed(0)} MiB\n`,
  )
}

function verdict(samples: readonly MemorySample[], sent: number, errors: ReadonlyMap<string, number>): boolean {
  const slope = memorySlope(samples)
  const grows = isGrowing(slope)
  const faults = [...errors].map(([code, count]) => `${count} ${code}`).join(', ') || 'none'
  process.stdout.write(
    `requests: ${sent}\nerrors: ${faults}\n` +
      `RSS of the server and its engines: ${slope.mibPerHour.toFixed(1)} ± ${slope.marginMibPerHour.toFixed(1)} MiB an hour, ` +
      `${slope.grownMiB.toFixed(1)} MiB over the last three quarters\n` +
      `${grows ? 'FAILED: memory grows' : errors.size > 0 ? 'FAILED: requests had errors' : 'passed'}\n`,
  )
  return !grows && errors.size === 0
}
