/** Runs the real `lextier` command in a process of its own: the build where it is up to date, which starts in half of the time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lextierEntry } from '../../bench/host/lextier-entry.js'

const { args: ENTRY } = lextierEntry()

/** Model variants of a test file, not among the user's. */
const CACHE = mkdtempSync(join(tmpdir(), 'lextier-cache-'))
process.on('exit', () => rmSync(CACHE, { recursive: true, force: true }))

export interface Finished {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  /** what it has written so far */
  readonly output: { stdout: string; stderr: string }
  readonly finished: Promise<Finished>
}

/**
 * @param variables added to this process's, less its own LEXTIER_ ones
 * @param stdout a file descriptor that it writes to; default: `output`
 */
export function start(
  args: readonly string[],
  variables: Record<string, string> = {},
  stdout: 'pipe' | number = 'pipe',
): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LEXTIER_'))
  const child = spawn(process.execPath, [...ENTRY, ...args], {
    env: { ...Object.fromEntries(inherited), LEXTIER_CACHE: CACHE, ...variables },
    stdio: ['ignore', stdout, 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk
  })
  const finished = once(child, 'close').then(([exitCode]) => ({ exitCode: exitCode as number | null, ...output }))
  return { child, output, finished }
}

export function run(args: readonly string[], variables: Record<string, string> = {}): Promise<Finished> {
  return start(args, variables).finished
}

/** @returns the address that a server says it listens on */
export const address = (server: Running) => addressAfter('listens on', server)

/** @returns the address of its management port */
export const managementAddress = (server: Running) => addressAfter('health and metrics on', server)

async function addressAfter(words: string, server: Running): Promise<string> {
  const line = new RegExp(`${words} (http://127\\.0\\.0\\.1:\\d+)`)
  for (;;) {
    const url = line.exec(server.output.stdout)?.[1]
    if (url) return url
    if (server.child.exitCode !== null) throw new Error(`the server stopped: ${server.output.stderr}`)
    await sleep(20)
  }
}

/** @returns the first answer that the predicate accepts */
export async function poll(url: string, accept: (response: Response) => boolean | Promise<boolean>): Promise<Response> {
  for (;;) {
    const response = await fetch(url)
    if (await accept(response.clone() as Response)) return response
    await sleep(20)
  }
}
