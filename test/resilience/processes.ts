/** Which processes a server has, told apart from those of any other by a mark in their environment; and what they may open. */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'

const NAME = 'LEXTIER_TEST_PROCESSES_OF'

export interface Mark {
  /** for the environment of the server: its children inherit it */
  readonly variables: Record<string, string>
  /** @returns process ids of the server and its children that are running now (Linux) */
  pids(): Promise<number[]>
}

export function mark(): Mark {
  const value = randomUUID()
  return {
    variables: { [NAME]: value },
    async pids() {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
      const marked = await Promise.all(
        pids.map(async (pid) => {
          // one that ends meanwhile, or belongs to another user; one that has ended has no environment
          const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
          return environment.includes(`${NAME}=${value}`)
        }),
      )
      return pids.filter((_, index) => marked[index]).map(Number)
    },
  }
}

/** @returns gives a process back what it may open; until then it can open nothing more */
export function withoutFiles(pid: number): () => void {
  const limit = (files: string) => execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}`])
  const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))!
  limit(`${readdirSync(`/proc/${pid}/fd`).length}:${hard}`)
  return () => void limit(`${soft}:${hard}`)
}
