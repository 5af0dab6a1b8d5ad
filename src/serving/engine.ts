/** The main process's end of one inference process: starts it, sends it batches, and turns its death into rejected batches. */
import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { setPriority } from 'node:os'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { EngineFailed } from '../errors.js'
import { StayAwake } from '../threads/stay-awake.js'
import { decodeLogits, encodeBatch } from './batch-frames.js'
import type { ServingLog } from './classifier-options.js'
import {
  type EngineReport,
  FRAMES_FD,
  type LoadCommand,
  type TierFailed,
  type TierKey,
  type TierLoaded,
  tierId,
} from './engine-protocol.js'
import { FrameReader } from './frames.js'
import type { RunWidth } from './run-width.js'

/** The child's file beside this one: compiled in production, run through tsx from a checkout. */
export const ENGINE_FILE = fileURLToPath(new URL(`./engine-process${extname(import.meta.url)}`, import.meta.url))

const STOP_GRACE_MS = 5_000
const STDERR_LINES_KEPT = 5

export interface Batch extends TierKey {
  /** token ids with special tokens */
  readonly sequences: readonly Int32Array[]
  /** default: wide */
  readonly width?: RunWidth
}

export interface BatchResult {
  /** one row of logits a sequence, in order */
  readonly logits: readonly Float32Array[]
  /** inside the engine */
  readonly inferenceMs: number
}

export interface EngineEvents {
  tierLoaded(report: TierLoaded): void
  tierFailed(report: TierFailed): void
  /** every tier is loaded or has failed */
  ready(): void
  /** the process is gone; called once, after the rejection of what it was running */
  gone(reason: string): void
}

export interface EngineOptions {
  readonly load: Omit<LoadCommand, 'type'>
  readonly file: string
  /** a batch that runs longer means that the engine hangs; it is then killed */
  readonly stallTimeoutMs: number
  readonly log: ServingLog
}

/**
 * A space of 1 MiB for what is new. A batch's buffers lie outside of V8's memory and are given back when the objects that hold them are
 * collected: in a space of 16 MiB every few seconds, before which 64 MiB of them had V8 collect everything, on threads that took the
 * CPUs from the engine and the API for 20 to 40 ms. So it is 1 ms several times a second. And collections on demand, for what is left
 * of loading.
 */
const COLLECTED_OFTEN = ['--max-semi-space-size=1', '--expose-gc']

interface Pending {
  readonly resolve: (result: BatchResult) => void
  readonly reject: (error: Error) => void
  readonly rows: number
  readonly stallTimer: NodeJS.Timeout
}

export class Engine {
  readonly #child: ChildProcess
  /** batches out, logits in */
  readonly #frames: Socket
  readonly #awake: StayAwake
  readonly #options: EngineOptions
  readonly #pending = new Map<number, Pending>()
  readonly #lastErrors: string[] = []
  readonly #gone: Promise<void>
  #nextBatchId = 0
  #alive = true

  /** @throws when no process can be started: without files, processes or memory left */
  constructor(options: EngineOptions, events: EngineEvents) {
    this.#options = options
    this.#awake = new StayAwake(options.load.awakeMs)
    this.#child = forkEngine(options.file)
    this.#frames = this.#child.stdio[FRAMES_FD] as Socket
    const reader = new FrameReader((words) => this.#answered(words))
    this.#frames.on('data', (piece: Buffer) => reader.push(piece))
    // its exit says why
    this.#frames.on('error', () => {})
    lowerPriority(this.#child.pid, options.load.niceness)
    this.#child.on('message', (report: EngineReport) => this.#receive(report, events))
    createInterface({ input: this.#child.stderr! }).on('line', (line) => this.#keepErrorLine(line))
    this.#gone = new Promise((resolve) => {
      let settled = false
      const settle = (reason: string) => {
        if (settled) return
        settled = true
        this.#alive = false
        this.#rejectPending(reason)
        events.gone(this.#withLastError(reason))
        resolve()
      }
      this.#child.once('error', (error) => settle(`could not be started: ${error.message}`))
      // stderr may still hold the reason when the process is reaped: close comes after it is read
      this.#child.once('exit', (code, signal) => {
        this.#alive = false
        this.#rejectPending(describeExit(code, signal))
      })
      this.#child.once('disconnect', () => {
        this.#alive = false
      })
      this.#child.once('close', (code, signal) => settle(describeExit(code, signal)))
    })
    const load: LoadCommand = { type: 'load', ...options.load }
    this.#child.send(load, () => {})
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** False from the moment that its death is noticed, which is before `gone` is called. */
  get alive(): boolean {
    return this.#alive
  }

  /** @throws EngineFailed when the engine refuses the batch or dies with it */
  run({ family, tier, sequences, width = 'wide' }: Batch): Promise<BatchResult> {
    const batchId = this.#nextBatchId++
    return new Promise((resolve, reject) => {
      const { stallTimeoutMs, log } = this.#options
      const stallTimer = setTimeout(() => {
        log.error({ pid: this.pid, family, tier, rows: sequences.length, stallTimeoutMs }, 'engine hangs; killing it')
        this.#child.kill('SIGKILL')
      }, stallTimeoutMs)
      stallTimer.unref()
      this.#pending.set(batchId, { resolve, reject, rows: sequences.length, stallTimer })
      this.#awake.extend()
      // where the engine is gone, its exit event rejects what is pending
      if (!this.#frames.writable) return
      this.#frames.write(encodeBatch({ batchId, tier: tierId({ family, tier }), width, sequences }))
    })
  }

  /** Lets the engine finish what it has, then ends it; kills it when it does not leave in time. */
  async stop(): Promise<void> {
    this.#frames.end()
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_GRACE_MS)
    await this.#gone
    clearTimeout(killer)
  }

  #answered(words: Int32Array): void {
    this.#awake.extend()
    const { batchId, inferenceMs, logits } = decodeLogits(words)
    const pending = this.#take(batchId)
    if (!pending) return
    const labels = logits.length / pending.rows
    const rows: Float32Array[] = []
    for (let row = 0; row < pending.rows; row++) rows.push(logits.subarray(row * labels, (row + 1) * labels))
    pending.resolve({ logits: rows, inferenceMs })
  }

  #receive(report: EngineReport, events: EngineEvents): void {
    switch (report.type) {
      case 'tier-loaded':
        events.tierLoaded(report)
        break
      case 'tier-failed':
        events.tierFailed(report)
        break
      case 'ready':
        events.ready()
        break
      case 'batch-failed':
        this.#options.log.error({ pid: this.pid, code: report.code, reason: report.message }, 'engine failed a batch')
        this.#take(report.batchId)?.reject(new EngineFailed('a batch failed; the log says why'))
    }
  }

  #take(batchId: number): Pending | undefined {
    const pending = this.#pending.get(batchId)
    this.#pending.delete(batchId)
    if (pending) clearTimeout(pending.stallTimer)
    return pending
  }

  #rejectPending(reason: string): void {
    for (const batchId of [...this.#pending.keys()]) this.#take(batchId)?.reject(new EngineFailed(reason))
  }

  #keepErrorLine(line: string): void {
    if (line.trim() === '') return
    this.#lastErrors.push(line)
    if (this.#lastErrors.length > STDERR_LINES_KEPT) this.#lastErrors.shift()
    this.#options.log.debug({ pid: this.pid, line }, 'engine stderr')
  }

  #withLastError(reason: string): string {
    const last = this.#lastErrors.at(-1)
    return last ? `${reason}; it last wrote: ${last}` : reason
  }
}

function forkEngine(file: string): ChildProcess {
  const child = fork(file, [], {
    serialization: 'advanced',
    execArgv: [...childExecArgv(process.execArgv, file), ...COLLECTED_OFTEN],
    // the last one is FRAMES_FD
    stdio: ['ignore', 'inherit', 'pipe', 'ipc', 'pipe'],
  })
  // without a file left Node makes no pipes, whatever the types promise, and tells the error later
  if ((child.stdio as ChildProcess['stdio'] | undefined) !== undefined) return child
  child.once('error', () => {})
  throw new Error('no more files can be opened; raise the limit of open files (ulimit -n)')
}

/** From its first moment: to start Node and import what it needs takes a second of CPU, beside engines that serve. */
function lowerPriority(pid: number | undefined, niceness: number): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness)
  } catch {
    // some sandboxes forbid it
  }
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ? `signal ${signal}` : `exit code ${code}`
}

const LOADER_FLAGS = ['--import', '--require', '-r', '--loader', '--experimental-loader', '--conditions', '-C']

/**
 * Loaders are passed on, so that a TypeScript parent has TypeScript children. The rest (a debugger's port, the test
 * runner's switches, a script to evaluate) is the parent's own.
 */
export function childExecArgv(parentArgv: readonly string[], file: string): string[] {
  const argv: string[] = []
  parentArgv.forEach((argument, index) => {
    if (LOADER_FLAGS.includes(argument)) argv.push(argument, parentArgv[index + 1] ?? '')
    else if (LOADER_FLAGS.some((flag) => argument.startsWith(`${flag}=`))) argv.push(argument)
  })
  if (extname(file) === '.ts' && !argv.some((argument) => argument.includes('tsx'))) argv.push('--import', 'tsx')
  return argv
}
