/** The API's end of one inference process: starts it, sends it batches, and turns its death into rejected batches. */
import { type ChildProcess, fork } from 'node:child_process'
import { setPriority } from 'node:os'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { EngineFailed } from '../errors.js'
import type { ServingLog } from './classifier-options.js'
import type { EngineReport, LoadCommand, RunCommand, TierFailed, TierKey, TierLoaded } from './engine-protocol.js'

/** The child's file beside this one: compiled in production, run through tsx from a checkout. */
export const ENGINE_FILE = fileURLToPath(new URL(`./engine-process${extname(import.meta.url)}`, import.meta.url))

const STOP_GRACE_MS = 5_000
const STDERR_LINES_KEPT = 5

export interface Batch extends TierKey {
  /** token ids with special tokens */
  readonly sequences: readonly Int32Array[]
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

interface Pending {
  readonly resolve: (result: BatchResult) => void
  readonly reject: (error: Error) => void
  readonly rows: number
  readonly stallTimer: NodeJS.Timeout
}

export class Engine {
  readonly #child: ChildProcess
  readonly #options: EngineOptions
  readonly #pending = new Map<number, Pending>()
  readonly #lastErrors: string[] = []
  readonly #gone: Promise<void>
  #nextBatchId = 0
  #alive = true

  constructor(options: EngineOptions, events: EngineEvents) {
    this.#options = options
    this.#child = fork(options.file, [], {
      serialization: 'advanced',
      execArgv: childExecArgv(process.execArgv, options.file),
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
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
    this.#send({ type: 'load', ...options.load })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** False from the moment that its death is noticed, which is before `gone` is called. */
  get alive(): boolean {
    return this.#alive
  }

  /** @throws EngineFailed when the engine refuses the batch or dies with it */
  run({ family, tier, sequences }: Batch): Promise<BatchResult> {
    const batchId = this.#nextBatchId++
    const lengths = Int32Array.from(sequences.map(({ length }) => length))
    const tokens = new Int32Array(lengths.reduce((sum, length) => sum + length, 0))
    let at = 0
    for (const sequence of sequences) {
      tokens.set(sequence, at)
      at += sequence.length
    }
    return new Promise((resolve, reject) => {
      const { stallTimeoutMs, log } = this.#options
      const stallTimer = setTimeout(() => {
        log.error({ pid: this.pid, family, tier, rows: sequences.length, stallTimeoutMs }, 'engine hangs; killing it')
        this.#child.kill('SIGKILL')
      }, stallTimeoutMs)
      stallTimer.unref()
      this.#pending.set(batchId, { resolve, reject, rows: sequences.length, stallTimer })
      const command: RunCommand = { type: 'run', batchId, family, tier, tokens, lengths }
      this.#send(command)
    })
  }

  /** Lets the engine finish what it has, then ends it; kills it when it does not leave in time. */
  async stop(): Promise<void> {
    this.#send({ type: 'stop' })
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_GRACE_MS)
    await this.#gone
    clearTimeout(killer)
  }

  #send(command: LoadCommand | RunCommand | { type: 'stop' }): void {
    if (!this.#child.connected) return // its exit event rejects what is pending
    this.#child.send(command, () => {})
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
      case 'done': {
        const pending = this.#take(report.batchId)
        if (!pending) break
        const labels = report.logits.length / pending.rows
        const logits: Float32Array[] = []
        for (let row = 0; row < pending.rows; row++) {
          logits.push(report.logits.subarray(row * labels, (row + 1) * labels))
        }
        pending.resolve({ logits, inferenceMs: report.inferenceMs })
        break
      }
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
