/**
 * The processes that answer HTTP where one is not enough. They share the port: the system's connections go to each in turn
 * (node:cluster). One that dies takes its connections along and is started again.
 */
import type { ChildProcess } from 'node:child_process'
import cluster, { type Worker } from 'node:cluster'
import { Socket } from 'node:net'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { countsOf, type MetricsSnapshot, mergedExposition } from '../metrics/metrics.js'
import type { ServingLog } from '../serving/classifier-options.js'
import { childExecArgv } from '../serving/engine.js'
import { restartDelayMs } from '../serving/engine-pool.js'
import { ClassifierHost, type Served, stateNow } from '../serving/remote/classifier-host.js'
import { MESSAGES_FD, MessagePipe } from '../serving/remote/message-pipe.js'
import { Questions } from '../threads/questions.js'
import { type FromApiProcess, type ListenMessage, listenError, type ToApiProcess } from './api-process-protocol.js'

const FILE = fileURLToPath(new URL(`./api-process${extname(import.meta.url)}`, import.meta.url))
/** How late an API process may hear of a change in readiness, and of what is served, latency profiles included. */
const READINESS_MS = 100
const STATE_MS = 1_000
/** What a process has counted since it told its figures last is lost when it dies. */
const SNAPSHOT_MS = 2_000
/** A process that does not tell its figures in time stands in the sum with those that it told last. */
const SNAPSHOT_TIMEOUT_MS = 2_000
const PROVEN_AFTER_MS = 10_000

export interface ApiProcessesOptions {
  readonly count: number
  readonly served: Served
  readonly listen: Omit<ListenMessage, 'type'>
  /** the figures of this process */
  snapshot(): Promise<MetricsSnapshot>
  /** @returns the failure to listen, in a sentence about the setting that caused it */
  listenFailure(error: NodeJS.ErrnoException): Error
  readonly log: ServingLog
}

interface Front {
  readonly worker: Worker
  readonly pipe: MessagePipe<ToApiProcess, FromApiProcess>
  readonly host: ClassifierHost
  readonly startedMs: number
  /** it hears messages */
  started: boolean
  listens: boolean
  readonly listening: Promise<void>
  /** settles `listening` */
  readonly start: { resolve(): void; reject(error: Error): void }
  readonly snapshots: Questions<MetricsSnapshot>
  /** what it told last of its figures */
  snapshot: MetricsSnapshot
}

export class ApiProcesses {
  readonly #options: ApiProcessesOptions
  readonly #fronts = new Set<Front>()
  readonly #timers: NodeJS.Timeout[] = []
  #failures = 0
  #draining = false
  #onIdle: (() => void) | undefined
  /** of processes that have ended: a sum that fell would look to a reader of rates like a new start */
  #ofEnded: Promise<MetricsSnapshot> = Promise.resolve([])

  private constructor(options: ApiProcessesOptions) {
    this.#options = options
  }

  /**
   * @returns once all of them listen
   * @throws what `listenFailure` makes of it when they cannot
   */
  static async start(options: ApiProcessesOptions): Promise<ApiProcesses> {
    cluster.setupPrimary({
      exec: FILE,
      args: [],
      execArgv: childExecArgv(process.execArgv, FILE),
      // the fourth is MESSAGES_FD
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'ipc'],
    })
    const processes = new ApiProcesses(options)
    const fronts = Array.from({ length: options.count }, () => processes.#start())
    try {
      await Promise.all(fronts.map(({ listening }) => listening))
    } catch (error) {
      processes.begin()
      await processes.idle()
      throw error
    }
    processes.#timers.push(
      setInterval(() => processes.#each(({ host }) => host.tellReadiness()), READINESS_MS),
      setInterval(() => processes.tellState(), STATE_MS),
      setInterval(() => void processes.#askForSnapshots(), SNAPSHOT_MS),
    )
    return processes
  }

  /** whether the shutdown has begun */
  get begun(): boolean {
    return this.#draining
  }

  /** Requests that are not answered yet. */
  get inFlight(): number {
    let pending = 0
    for (const { host } of this.#fronts) pending += host.pending
    return pending
  }

  /** What is served has changed. */
  tellState(): void {
    const now = stateNow(this.#options.served)
    this.#each(({ host }) => host.tellState(now))
  }

  /** New predictions are refused, those in flight are answered. */
  begin(): void {
    this.#draining = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#each(drain)
  }

  /** @returns when every process has answered what it had, and has ended */
  idle(): Promise<void> {
    if (this.#fronts.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle = resolve
    })
  }

  /** Prometheus text exposition of this process and of all that listen. */
  async exposition(): Promise<string> {
    const own = await this.#options.snapshot()
    await this.#askForSnapshots()
    const told = [...this.#fronts].map(({ snapshot }) => snapshot)
    return mergedExposition([own, await this.#ofEnded, ...told])
  }

  /** Of those that hear it: the others are told as they start. */
  #each(act: (front: Front) => void): void {
    for (const front of this.#fronts) if (front.started) act(front)
  }

  #start(): Front {
    const { served, log } = this.#options
    const worker = cluster.fork()
    // one that could not be started may have no pipes, whatever the types promise; its error says so
    const { stdio } = worker.process as Partial<ChildProcess>
    const pipe: Front['pipe'] = new MessagePipe(
      (stdio?.[MESSAGES_FD] as Socket | undefined) ?? new Socket(),
      (message) => this.#receive(front, message),
    )
    const host = new ClassifierHost(served, (message) => pipe.send(message))
    let start!: Front['start']
    const listening = new Promise<void>((resolve, reject) => {
      start = { resolve, reject }
    })
    // who waits hears of it; a process that is started again is only logged
    listening.catch(() => {})
    const front: Front = {
      worker,
      pipe,
      host,
      startedMs: performance.now(),
      started: false,
      listens: false,
      listening,
      start,
      snapshots: new Questions(),
      snapshot: [],
    }
    this.#fronts.add(front)
    const ended = (reason: string) => {
      start.reject(new Error(`an API process ended (${reason}) before it listened`))
      this.#ended(front, reason)
    }
    worker.on('error', (error) => {
      if (worker.process.pid === undefined) ended(`could not be started: ${error.message}`)
      else log.error({ reason: error.message }, 'API process failed')
    })
    worker.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`))
    return front
  }

  #receive(front: Front, message: FromApiProcess): void {
    const { listen, listenFailure, log } = this.#options
    const { host, pipe } = front
    switch (message.type) {
      case 'started':
        front.started = true
        if (this.#draining) drain(front)
        else {
          host.tellReadiness()
          pipe.send({ type: 'listen', ...listen })
        }
        break
      case 'listening':
        log.info({ pid: front.worker.process.pid }, 'API process listens')
        front.listens = true
        front.start.resolve()
        break
      case 'listen-failed':
        this.#cannotListen(front, listenFailure(listenError(message)))
        break
      case 'snapshot':
        front.snapshots.answered(message.id, message.snapshot)
        break
      case 'metrics?':
        void this.exposition().then((exposition) => pipe.send({ type: 'exposition', id: message.id, exposition }))
        break
      default:
        host.receive(message)
    }
  }

  /** It is of no use, and its end makes another one begin. */
  #cannotListen(front: Front, error: Error): void {
    front.start.reject(error)
    this.#options.log.error({ pid: front.worker.process.pid, reason: error.message }, 'API process cannot listen')
    front.worker.process.kill('SIGKILL')
  }

  #ended(front: Front, reason: string): void {
    front.host.close()
    this.#fronts.delete(front)
    this.#ofEnded = this.#ofEnded.then((before) => countsOf([before, front.snapshot]))
    if (this.#fronts.size === 0) this.#onIdle?.()
    if (this.#draining) return
    const proven = performance.now() - front.startedMs > PROVEN_AFTER_MS
    this.#failures = proven ? 1 : this.#failures + 1
    const delayMs = restartDelayMs(this.#failures)
    this.#options.log.error({ reason, delayMs }, 'API process stopped; starting it again')
    setTimeout(() => {
      if (!this.#draining) this.#start()
    }, delayMs)
  }

  /** Each process that listens tells its figures, or stands with those that it told last. */
  async #askForSnapshots(): Promise<void> {
    const listening = [...this.#fronts].filter(({ listens }) => listens)
    const asked = listening.map(async (front) => {
      const ask = (id: number) => front.pipe.send({ type: 'metrics?', id })
      const snapshot = await front.snapshots.askInTime(ask, SNAPSHOT_TIMEOUT_MS)
      if (snapshot) front.snapshot = snapshot
    })
    await Promise.all(asked)
  }
}

function drain({ pipe }: Front): void {
  pipe.send({ type: 'drain' })
}
