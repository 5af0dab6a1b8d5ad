/**
 * The management port: health and metrics, answered by a thread that does nothing else. A thread that reads and refuses thousands of requests
 * a second lets a new connection wait for all those before it, and a probe with them.
 *
 *     server's thread ── readiness, when it changes; a clock, ten times a second ──▶ this thread ◀── probes, scrapes
 *                     ◀──────────── metrics? ────────────
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { HttpMetrics } from '../metrics/metrics.js'
import type { Readiness } from '../serving/types.js'
import { threadEntry } from '../threads/call-thread.js'
import { listenError } from './api-process-protocol.js'
import { type ListenAddress, listenFailure, MANAGEMENT_PORT } from './listen-address.js'
import type { FromManagement, ManagementStart, ToManagement } from './management-protocol.js'

/** How late the thread may hear of a change. */
const TELL_MS = 100
/** Far beyond what garbage collection or a busy machine take; an orchestrator that hears of it starts the server again. */
const STANDSTILL_MS = 10_000

export interface ManagementOptions {
  readonly address: ListenAddress
  readonly logLevel: string
  readiness(): Readiness
  readonly metrics: { readonly http: HttpMetrics; readonly contentType: string; exposition(): Promise<string> }
  /** default: ten seconds */
  readonly standstillMs?: number
}

export interface Management {
  /** @returns when what was in flight is answered and the port is closed */
  close(): Promise<void>
}

/**
 * @returns once it listens
 * @throws InvalidConfiguration when it cannot listen there
 */
export async function startManagement(options: ManagementOptions): Promise<Management> {
  const { address, logLevel, readiness, metrics, standstillMs = STANDSTILL_MS } = options
  const heard = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT))
  const beAtWork = () => void Atomics.store(heard, 0, process.hrtime.bigint())
  beAtWork()
  const first = readiness()
  let told = JSON.stringify(first)
  const workerData: ManagementStart = {
    ...{ address, logLevel, standstillMs },
    contentType: metrics.contentType,
    readiness: first,
    heard: heard.buffer,
  }
  const worker = new Worker(threadEntry(import.meta.url, 'management-worker'), { workerData })
  const tell = (message: ToManagement) => worker.postMessage(message)
  const ended = once(worker, 'exit')
  const timer = setInterval(() => {
    beAtWork()
    const now = readiness()
    const text = JSON.stringify(now)
    if (text === told) return
    told = text
    tell({ type: 'readiness', readiness: now })
  }, TELL_MS)
  await new Promise<void>((resolve, reject) => {
    worker.on('message', (message: FromManagement) => {
      switch (message.type) {
        case 'listening':
          return resolve()
        case 'listen-failed':
          return reject(listenFailure(listenError(message), address, MANAGEMENT_PORT))
        case 'metrics?':
          return void metrics
            .exposition()
            .then((exposition) => tell({ type: 'exposition', id: message.id, exposition }))
        case 'answered':
          return metrics.http.answered(message.route, message.status, message.durationSeconds)
      }
    })
  }).catch(async (error) => {
    clearInterval(timer)
    await worker.terminate()
    throw error
  })
  return {
    async close() {
      clearInterval(timer)
      tell({ type: 'drain' })
      await ended
    },
  }
}
