/** The start bench: from the start of the process to ready, with an empty cache and with a filled one, and its memory. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { placementLine } from './host/placement.js'
import { processTreeUsage } from './host/process-tree.js'
import { durationPercentiles } from './load/percentile.js'
import { textTable } from './output/text-table.js'
import { type BenchResult, writeResult } from './output/write-result.js'
import { type OnProgress, type Prepared, prepareBench, withServer } from './serving/measured-server.js'
import { oneNumber, type ServeFlags, type ServeOptions, serveOptions } from './serving/serve-options.js'
import type { RunDescription } from './serving/serve-result.js'

export interface StartFlags extends ServeFlags {
  readonly starts: string
}

export interface StartTimes {
  readonly cache: 'empty' | 'filled'
  readonly readyMs: readonly number[]
  readonly medianReadyMs: number
  /** from ready: the very first request of the most accurate tier, ms */
  readonly firstAnswerMs: readonly number[]
  /** of the API process and its engines when ready, each start; null where the system does not tell */
  readonly rssMiB: readonly (number | null)[]
  /** of the API process alone */
  readonly apiRssMiB: readonly (number | null)[]
}

export interface StartResult extends BenchResult, RunDescription {
  readonly bench: 'start'
  readonly starts: readonly [cold: StartTimes, warm: StartTimes]
  /** what the server keeps between starts */
  readonly cacheMiB: number
  /** after `--seconds` of one request at a time of every tier, last start; null where the system does not tell */
  readonly rssAfterLoadMiB: number | null
}

/** `npm run bench -- start` */
export async function runStartBench(flags: StartFlags): Promise<void> {
  const starts = oneNumber('--starts', flags.starts, 1, 100, true)
  const result = await benchStart(serveOptions(flags), starts, (phase) => process.stderr.write(`${phase} …\n`))
  await writeResult(result, startTable(result), flags.json)
}

/** Cold and warm starts take turns, each pair with a cache folder of its own. */
export async function benchStart(options: ServeOptions, starts: number, onProgress: OnProgress): Promise<StartResult> {
  const prepared = await prepareBench(options, onProgress)
  const cold: Start[] = []
  const warm: Start[] = []
  let last: { run: RunDescription; cacheMiB: number } | undefined
  for (let i = 0; i < starts; i++) {
    const cache = await mkdtemp(join(tmpdir(), 'lextier-bench-cache-'))
    try {
      onProgress(`start ${i + 1} of ${starts}, empty cache`)
      cold.push((await startOnce(prepared, cache, 0)).measured)
      onProgress(`start ${i + 1} of ${starts}, filled cache`)
      const { measured, run } = await startOnce(prepared, cache, i === starts - 1 ? options.seconds : 0)
      warm.push(measured)
      last = { run, cacheMiB: (await folderBytes(cache)) / 2 ** 20 }
    } finally {
      await rm(cache, { recursive: true, force: true })
    }
  }
  const { run, cacheMiB } = last!
  const rssAfterLoadMiB = warm.at(-1)!.afterLoadMiB
  return { bench: 'start', ...run, starts: [times('empty', cold), times('filled', warm)], cacheMiB, rssAfterLoadMiB }
}

interface Start {
  readonly readyMs: number
  readonly firstAnswerMs: number
  readonly rssMiB: number | null
  readonly apiRssMiB: number | null
  readonly afterLoadMiB: number | null
}

function startOnce(prepared: Prepared, cache: string, loadSeconds: number) {
  const { options, family } = prepared
  const withCache = { ...prepared, options: { ...options, server: { ...options.server, cache } } }
  return withServer(withCache, async ({ context }): Promise<Start> => {
    const { pid, readyAfterMs } = context.server
    const whenReady = processTreeUsage(pid)
    const tiers = family.manifest.tiers.map(({ tier }) => tier)
    const first = await context.load.send({ tier: tiers[0]!, budgetsMs: [] })
    const untilMs = performance.now() + 1_000 * loadSeconds
    for (let i = 0; performance.now() < untilMs; i++) {
      await context.load.send({ tier: tiers[i % tiers.length]!, budgetsMs: [] })
    }
    return {
      readyMs: readyAfterMs,
      firstAnswerMs: first.endedMs - first.sentMs,
      rssMiB: whenReady?.rssMiB ?? null,
      apiRssMiB: whenReady?.rootRssMiB ?? null,
      afterLoadMiB: processTreeUsage(pid)?.rssMiB ?? null,
    }
  })
}

function times(cache: StartTimes['cache'], starts: readonly Start[]): StartTimes {
  const readyMs = starts.map((start) => start.readyMs)
  return {
    cache,
    readyMs,
    medianReadyMs: durationPercentiles(readyMs).p50Ms!,
    firstAnswerMs: starts.map(({ firstAnswerMs }) => firstAnswerMs),
    rssMiB: starts.map(({ rssMiB }) => rssMiB),
    apiRssMiB: starts.map(({ apiRssMiB }) => apiRssMiB),
  }
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size))
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}

function startTable({ family, server, starts, cacheMiB, rssAfterLoadMiB, options, placement }: StartResult): string {
  const seconds = (ms: readonly number[]) => ms.map((one) => (one / 1_000).toFixed(2)).join(', ')
  const middle = (mib: readonly (number | null)[]) => {
    const known = mib.filter((one) => one !== null)
    return known.length === 0 ? null : Math.round(durationPercentiles(known).p50Ms!)
  }
  return [
    `all families beside ${family}, on ${server.provider}, engines ${server.engines}, threads of each ${server.threads}, server from ${server.from}`,
    placementLine(placement),
    '',
    textTable(
      ['cache', 'ready s, median', 'each', 'first answer ms', 'resident MiB', 'of it API'],
      starts.map(({ cache, medianReadyMs, readyMs, firstAnswerMs, rssMiB, apiRssMiB }) => [
        cache,
        medianReadyMs / 1_000,
        seconds(readyMs),
        durationPercentiles(firstAnswerMs).p50Ms,
        middle(rssMiB),
        middle(apiRssMiB),
      ]),
    ),
    '',
    `cache: ${cacheMiB.toFixed(1)} MiB; resident after ${options.seconds} s of requests: ${rssAfterLoadMiB === null ? 'not told here' : `${Math.round(rssAfterLoadMiB)} MiB`}`,
  ].join('\n')
}
