/** A load generator of several threads, each with connections, texts and budgets of its own: one Node thread takes 0.1 to 0.2 ms a request. */
import { CallThread, threadEntry } from '../../src/threads/call-thread.js'
import { sharedClockOffsetMs } from '../../src/threads/shared-clock.js'
import { type ClosedLoad, isPlan, type LoadGenerator, type LocalGenerator, type OpenLoad } from './load-generator.js'
import { type PackedObservations, unpackObservations } from './pack-observations.js'
import { dealOut, interleave, shareConnections } from './share-load.js'

export interface GeneratorSettings {
  readonly origin: string
  readonly family: string
  /** of a request */
  readonly timeoutMs: number
  /** JSON of requests */
  readonly bodies: readonly string[]
  readonly seed: number
  /** which of the threads this is */
  readonly index: number
}

/** A load is sent and kept before all threads begin at the same time. */
export type ThreadCommand =
  | { readonly type: 'load'; readonly load: ClosedLoad | OpenLoad }
  /** ms on the clock that threads share */
  | { readonly type: 'run'; readonly startMs: number }

export type ThreadReport = PackedObservations | undefined

type Thread = CallThread<ThreadCommand, ThreadReport>

/** Long enough for a message to every thread. */
const HEAD_START_MS = 10

/**
 * @param local what this thread sends with; with one thread, the whole generator
 * @returns once all threads are ready
 */
export async function createLoadGenerator(
  local: LocalGenerator,
  settings: Omit<GeneratorSettings, 'index'>,
  threads: number,
): Promise<LoadGenerator> {
  if (threads === 1) return local
  const entry = threadEntry(import.meta.url, 'generator-worker')
  const workers = Array.from({ length: threads }, (_, index): Thread => new CallThread(entry, { ...settings, index }))
  const generator: LoadGenerator = {
    send: local.send,
    async closedLoop(load) {
      const loads = shareConnections(load.connections, threads)
        .filter((connections) => connections > 0)
        .map((connections) => ({ ...load, connections }))
      const { parts, startMs } = await runTogether(workers, loads)
      return { observations: parts.flat(), startMs, endMs: startMs + load.durationMs }
    },
    async openLoop({ arrivalsMs, requests, poll }) {
      const plans = isPlan(requests) ? dealOut(requests, threads) : undefined
      const loads = dealOut(arrivalsMs, threads).map((own, index) => ({
        arrivalsMs: own,
        requests: plans?.[index] ?? requests,
        poll,
      }))
      return interleave((await runTogether(workers, loads)).parts)
    },
    async close() {
      await Promise.all([local.close(), ...workers.map((worker) => worker.close())])
    },
  }
  try {
    // the first call starts a thread, which is no part of what is measured
    await Promise.all(workers.map((worker) => worker.call({ type: 'load', load: NOTHING })))
  } catch (error) {
    await generator.close()
    throw error
  }
  return generator
}

const NOTHING: OpenLoad = { arrivalsMs: [], requests: [], poll: false }

/** @returns what each thread saw and when they began, on this thread's clock */
async function runTogether(workers: readonly Thread[], loads: readonly (ClosedLoad | OpenLoad)[]) {
  const running = loads.map((load, index) => ({ worker: workers[index]!, load }))
  await Promise.all(running.map(({ worker, load }) => worker.call({ type: 'load', load })))
  const offsetMs = sharedClockOffsetMs()
  const startMs = performance.now() + HEAD_START_MS
  const reports = await Promise.all(
    running.map(({ worker }) => worker.call({ type: 'run', startMs: startMs + offsetMs })),
  )
  return { parts: reports.map((report) => unpackObservations(report!, offsetMs)), startMs }
}
