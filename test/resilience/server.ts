/** Real servers for tests of what they do when something is wrong. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { after } from 'node:test'
import { poll, type Running, start } from '../cli/lextier-process.js'

const OPTIONS = ['--host', '127.0.0.1', '--port', '0', '--engines', '1', '--threads', '1']

const LEFT_MS = 30_000
const started: ChildProcess[] = []
// a test that failed may have left its server, which would keep the file from ending
after(() => {
  const killAll = () => {
    for (const child of started) child.kill('SIGKILL')
  }
  setTimeout(killAll, LEFT_MS).unref()
})

/** @param args beside a free port of this machine, one engine and one thread */
export function serve(args: readonly string[], variables: Record<string, string> = {}): Running {
  const server = start(['serve', ...OPTIONS, ...args], variables)
  started.push(server.child)
  process.once('exit', () => server.child.kill('SIGKILL'))
  return server
}

/** SIGTERM, which must end it in order. */
export async function stop({ child, finished }: Running): Promise<void> {
  child.kill('SIGTERM')
  const { exitCode, stderr } = await finished
  assert.equal(exitCode, 0, stderr)
}

/** Families that load are no news: these reasons stay. */
const LASTING = /cannot be served|: [A-Z]+_[A-Z_]+: /

/**
 * The server is up, not ready, and says why.
 * @returns the reasons, once none of them is that something loads
 */
export async function reasonsUnready(url: string): Promise<string[]> {
  const response = await poll(`${url}/health/ready`, async (answer) => {
    const { reasons = [] } = (await answer.json()) as { reasons?: string[] }
    return reasons.length > 0 && reasons.every((reason) => LASTING.test(reason))
  })
  assert.equal(response.status, 503)
  assert.equal((await fetch(`${url}/health/live`)).status, 200)
  assert.equal((await fetch(`${url}/v1/families`)).status, 200)
  const { code, reasons } = (await response.json()) as { code: string; reasons: string[] }
  assert.equal(code, 'NOT_READY')
  return reasons
}

/** @returns of the newest engine that holds the tiers of that lane; there may be one lane for all. Default: of any lane */
export function enginePid({ output }: Running, lane = '\\w+'): number {
  const line = new RegExp(`"lane":"(?:all|${lane})".*"pid":(\\d+).*"engine ready"`, 'g')
  const pid = Number([...output.stdout.matchAll(line)].at(-1)?.[1])
  assert.ok(pid > 0, `no engine of lane ${lane} has told its process`)
  return pid
}
