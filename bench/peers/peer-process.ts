/** A peer as a child process in a process group of its own, since most start workers. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onCpus } from '../host/split-cpus.js'
import { createPostClient } from '../load/post-client.js'
import type { StartedCandidate } from './candidate.js'

export interface PeerCommand {
  readonly program: string
  readonly args: readonly string[]
  /** default: a folder of its own, which goes when it stops */
  readonly cwd?: string | undefined
  /** to run on, as taskset lists them; default: this process's */
  readonly cpus?: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly url: URL
  /** a request that is answered with 200 when the peer is ready */
  readonly firstRequest: Buffer
}

const READY_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 10_000
const POLL_MS = 100

/** @throws Error with the peer's last words when it ends, or does not answer in time */
export async function startPeer(command: PeerCommand): Promise<StartedCandidate> {
  const scratch = mkdtempSync(join(tmpdir(), 'lextier-bench-peer-'))
  const logFile = join(scratch, 'peer.log')
  const log = openSync(logFile, 'w')
  const startMs = performance.now()
  const child = spawn(...onCpus(command.cpus, command.program, command.args), {
    cwd: command.cwd ?? scratch,
    env: { ...process.env, ...command.env },
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  const failed = once(child, 'error').then(([error]) => error as Error)
  const abandon = () => {
    signal(child, 'SIGKILL')
    rmSync(scratch, { recursive: true, force: true })
  }
  process.once('exit', abandon)
  const stop = async () => {
    await end(child)
    process.off('exit', abandon)
    rmSync(scratch, { recursive: true, force: true })
  }
  const client = createPostClient(command.url, READY_TIMEOUT_MS)
  try {
    while (performance.now() < startMs + READY_TIMEOUT_MS) {
      const broken = await Promise.race([failed, sleep(POLL_MS)])
      if (broken) throw broken
      if (child.exitCode !== null || child.signalCode !== null) break
      const outcome = await client.post(command.firstRequest, {})
      if ('statusCode' in outcome && outcome.statusCode === 200) {
        return { url: command.url, headers: {}, pid: child.pid!, readyAfterMs: performance.now() - startMs, stop }
      }
    }
    const lastLines = readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join(' | ')
    throw new Error(`it did not become ready; it last wrote: ${lastLines || 'nothing'}`)
  } catch (error) {
    await stop()
    throw error
  } finally {
    client.close()
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return
  const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve()
  signal(child, 'SIGTERM')
  await Promise.race([ended, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })])
  // workers may outlive the process that started them
  signal(child, 'SIGKILL')
  await ended
}

/** To the whole group. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, name)
  } catch {
    // all of it has ended
  }
}

/** @returns ports that were free a moment ago */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ports.push((server.address() as { port: number }).port)
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
