/** The real server as a child process, as its users start it, on a free port of this machine. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NotReady } from '../../src/errors.js'
import type { Provider } from '../../src/onnx/providers.js'
import { REPOSITORY } from './environment.js'
import { type LextierEntry, lextierEntry } from './lextier-entry.js'
import { onCpus } from './split-cpus.js'

export interface ServerFlags {
  readonly models: string
  readonly provider: string
  readonly engines?: string | undefined
  readonly threads?: string | undefined
  readonly maxBatchTokens?: string | undefined
  /** default: none */
  readonly managementPort?: string | undefined
  /** form of the model; default: the server's choice */
  readonly variant?: string | undefined
  /** folder of the model variants that the server keeps between starts; default: its own choice */
  readonly cache?: string | undefined
  /** further options of `lextier serve`, as in a shell, without quotes */
  readonly more?: string | undefined
  /** CPUs that it runs on, as taskset lists them; default: this process's */
  readonly cpus?: string | undefined
}

/** What the server says that it chose. */
export interface EngineChoice {
  readonly provider: Provider
  readonly engines: number
  readonly threads: number
  /** engines are two processes each, which run on half of the threads each while texts wait, where a model gains by threads */
  readonly paired: boolean
}

export interface RunningServer {
  readonly origin: string
  /** of its management port, where it has one */
  readonly managementOrigin: string | undefined
  readonly pid: number
  /** from the start of the process to the first 200 of /health/ready */
  readonly readyAfterMs: number
  readonly choice: EngineChoice
  readonly from: LextierEntry['from']
  /** SIGTERM, as an orchestrator does; SIGKILL when it does not leave */
  stop(): Promise<void>
}

const POLL_MS = 20
const STOP_TIMEOUT_MS = 40_000

/** @throws NotReady with the server's own words when it ends, or is not ready in time */
export async function startServer(flags: ServerFlags, timeoutMs: number): Promise<RunningServer> {
  const scratch = mkdtempSync(join(tmpdir(), 'lextier-bench-'))
  const logFile = join(scratch, 'server.log')
  const { from, args } = lextierEntry()
  const startMs = performance.now()
  const child = spawnServer([...args, ...serveArguments(flags)], flags.cpus, logFile)
  const removeScratch = () => rmSync(scratch, { recursive: true, force: true })
  const abandon = () => {
    child.kill('SIGTERM')
    removeScratch()
  }
  process.once('exit', abandon)
  const stop = async () => {
    await end(child)
    process.off('exit', abandon)
    removeScratch()
  }
  try {
    const log = () => readFileSync(logFile, 'utf8')
    const origin = await untilReady(child, log, startMs + timeoutMs)
    const readyAfterMs = performance.now() - startMs
    const managementOrigin = originAfter('health and metrics on', log())
    return { origin, managementOrigin, pid: child.pid!, readyAfterMs, choice: engineChoice(log()), from, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function serveArguments(flags: ServerFlags): string[] {
  const { maxBatchTokens, managementPort, more, cpus: _, ...same } = flags
  const named = { 'max-batch-tokens': maxBatchTokens, 'management-port': managementPort }
  const options = { host: '127.0.0.1', port: '0', ...same, ...named }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return ['serve', ...given.flatMap(([name, value]) => [`--${name}`, value!]), ...(more?.trim().split(/\s+/) ?? [])]
}

/** Its log goes to a file, as in production: reading a pipe would be work for the load generator. */
function spawnServer(args: readonly string[], cpus: string | undefined, logFile: string): ChildProcess {
  const log = openSync(logFile, 'w')
  // a setting of this shell would silently be part of the figures
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LEXTIER_'))
  const child = spawn(...onCpus(cpus, process.execPath, args), {
    cwd: REPOSITORY,
    env: Object.fromEntries(inherited),
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  return child
}

async function untilReady(child: ChildProcess, log: () => string, deadlineMs: number): Promise<string> {
  let origin: string | undefined
  let reason = 'it does not listen'
  while (performance.now() < deadlineMs) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new NotReady(`the server ended: ${lastLines(log())}`)
    origin ??= originAfter('listens on', log())
    if (origin !== undefined) {
      const response = await fetch(`${origin}/health/ready`)
      const body = await response.text()
      if (response.status === 200) return origin
      reason = body
    }
    // the server stays up and says why it is not ready; a family or a provider that failed does not come back
    const failure = logLines(log()).find(({ level, reason: why }) => level === 'error' && why !== undefined)
    if (failure?.reason !== undefined) throw new NotReady(failure.reason)
    await sleep(POLL_MS)
  }
  throw new NotReady(`the server is not ready in time (${reason}); ${lastLines(log())}`)
}

function originAfter(words: string, log: string): string | undefined {
  return new RegExp(`${words} (http://[\\d.]+:\\d+)`).exec(log)?.[1]
}

/** The lines of the server's log that have both a provider and a layout: one a lane, alike but for pairs. */
function engineChoice(log: string): EngineChoice {
  const lanes = logLines(log).filter(({ provider, engines, threads }) => provider && engines && threads)
  if (lanes.length > 0) {
    const { provider, engines, threads } = lanes[0] as EngineChoice
    return { provider, engines, threads, paired: lanes.some(({ paired }) => paired === true) }
  }
  throw new NotReady(`the server's log does not say which provider and engines it chose; ${lastLines(log)}`)
}

interface LogLine extends Partial<EngineChoice> {
  readonly level?: string
  readonly reason?: string
}

/** The complete JSON lines; the last one may be half written. */
function logLines(log: string): LogLine[] {
  const complete = log.slice(0, log.lastIndexOf('\n') + 1).split('\n')
  return complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine)
}

function lastLines(log: string): string {
  return `it last wrote: ${log.trim().split('\n').slice(-3).join(' | ')}`
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(killer)
}
